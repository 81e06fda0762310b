#include "base/helper_process.hh"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <mutex>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/helper_message.hh"
#include "base/helper_server.hh"
#include "base/packet.hh"

namespace osb {
namespace {

HelperProcess*& current_helper() noexcept {
    static HelperProcess* helper = nullptr;
    return helper;
}

}  // namespace

struct HelperProcess::Impl {
    std::mutex mutex;
    Fd socket;
    pid_t pid = -1;

    // Sends a request and returns the response. Throws Error{io}.
    HelperReply call(const HelperRequest& head, const std::vector<std::string>& argv,
                     const std::vector<int>& descriptors) {
        std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);  // NOLINT: the same program
        for (const std::string& argument : argv) bytes.append(argument).push_back('\0');
        const std::lock_guard lock(mutex);
        send_packet(socket.get(), bytes, descriptors);
        HelperReply reply;
        ssize_t size = -1;
        do size = ::recv(socket.get(), &reply, sizeof reply, 0);
        while (size < 0 && errno == EINTR);
        if (size < 0) throw_errno("the helper process");
        if (size != sizeof reply) throw Error(ErrorKind::io, "the helper process has ended");
        return reply;
    }
};

HelperProcess::HelperProcess(HelperRules rules) : impl_(std::make_unique<Impl>()) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw_errno("cannot make a socket for the helper process");
    Fd first(ends[0]);
    Fd second(ends[1]);
    // A program may be started without standard descriptors, and would then print into the socket.
    constexpr int kLowest = STDERR_FILENO + 1;
    impl_->socket = Fd(::fcntl(first.get(), F_DUPFD_CLOEXEC, kLowest));
    Fd theirs(::fcntl(second.get(), F_DUPFD_CLOEXEC, kLowest));
    if (!impl_->socket || !theirs) throw_errno("cannot copy a file descriptor");
    first.close();
    second.close();
    impl_->pid = ::fork();
    if (impl_->pid < 0) {
        throw errno_error(errno, "cannot start the helper process of the sandbox")
            .hint("--sandbox off needs no further process");
    }
    if (impl_->pid > 0) return;
    // With our end open in the helper, it would never see the end of this process.
    impl_->socket.close();
    run_helper(std::move(theirs), std::move(rules));
}

HelperProcess::~HelperProcess() {
    if (current() == this) set_current(nullptr);
    impl_->socket.close();
    int status = 0;
    while (::waitpid(impl_->pid, &status, 0) < 0 && errno == EINTR) continue;
}

pid_t HelperProcess::start(const Start& request) {
    HelperRequest head{
        .action = request.is_function ? HelperRequest::Action::function : HelperRequest::Action::program,
        .shares_process_group = request.shares_process_group ? 1U : 0U,
        .descriptors = static_cast<std::uint32_t>(request.descriptors.size())};
    std::size_t size = 0;
    for (const std::string& argument : request.argv) size += argument.size() + 1;
    if (request.descriptors.size() > kMaxPacketDescriptors || size > kMaxHelperArguments)
        throw Error(ErrorKind::too_large, concat("too many arguments for ", quoted(request.argv.front())));
    std::vector<int> ours;
    for (std::size_t i = 0; i < request.descriptors.size(); ++i) {
        ours.push_back(request.descriptors[i].first);
        head.numbers[i] = request.descriptors[i].second;
    }
    const HelperReply reply = impl_->call(head, request.argv, ours);
    if (reply.error == 0) return reply.pid;
    // It ended with the failure. Nobody else waits for it.
    if (reply.pid > 0) ::waitpid(reply.pid, nullptr, 0);
    if (reply.pid == 0 && reply.error == EACCES)
        throw Error(ErrorKind::refused,
                    concat("the sandbox does not allow to start ", quoted(request.argv.front())));
    throw errno_error(reply.error, concat("cannot start ", quoted(request.argv.front())));
}

void HelperProcess::kill(pid_t pid) noexcept {
    try {
        static_cast<void>(impl_->call({.action = HelperRequest::Action::kill, .pid = pid}, {}, {}));
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the child is left to its own end
    }
}

int HelperProcess::descriptor() const noexcept {
    return impl_->socket.get();
}

HelperProcess* HelperProcess::current() noexcept {
    return current_helper();
}

void HelperProcess::set_current(HelperProcess* helper) noexcept {
    current_helper() = helper;
}

}  // namespace osb
