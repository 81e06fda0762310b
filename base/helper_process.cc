#include "base/helper_process.hh"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/packet.hh"
#include "base/pipe.hh"

namespace osb {
namespace {

constexpr std::size_t kMaxText = 32UL * 1024;
constexpr int kLowestParked = 64;  // higher than any number of a child's descriptor
constexpr int kNoProgram = 127;

// A request is this head and the arguments, each with its terminating null.
struct Head {
    enum class Action : std::uint32_t { program, function, kill };
    Action action = Action::program;
    std::uint32_t shares_process_group = 0;
    std::int32_t pid = 0;
    std::uint32_t descriptors = 0;
    std::array<std::int32_t, kMaxPacketDescriptors> numbers{};
};

struct Reply {
    std::int32_t error = 0;
    std::int32_t pid = 0;
};

struct Message {
    Head head;
    std::vector<std::string> argv;
    std::vector<Fd> descriptors;
};

// Room for the descriptors of a message, aligned as the kernel expects it.
union Control {
    cmsghdr alignment;
    std::array<char, CMSG_SPACE(kMaxPacketDescriptors * sizeof(int))> bytes;
};

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\0'), text.size());
        out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

// Returns false at the end of the connection. A malformed request has no arguments.
bool receive(int socket, Message& out) {
    std::optional<Packet> packet = receive_packet(socket, sizeof(Head) + kMaxText);
    if (!packet) return false;
    out = {};
    out.descriptors = std::move(packet->descriptors);
    const std::string_view text = packet->text;
    if (packet->has_more_text || packet->has_more_descriptors || text.size() < sizeof(Head)) return true;
    std::memcpy(&out.head, text.data(), sizeof(Head));
    if (out.head.descriptors != out.descriptors.size()) return true;
    for (std::size_t i = 0; i < out.descriptors.size(); ++i) {
        if (out.head.numbers[i] < 0 || out.head.numbers[i] >= kLowestParked) return true;
    }
    out.argv = split(text.substr(sizeof(Head)));
    return true;
}

// The rest runs in the helper, which has one thread.
class Server {
  public:
    Server(Fd socket, HelperRules rules) : socket_(std::move(socket)), rules_(std::move(rules)) {}

    void serve() {
        Message message;
        while (receive(socket_.get(), message)) {
            const Reply reply = answer(message);
            message.descriptors.clear();
            ssize_t sent = -1;
            do sent = ::send(socket_.get(), &reply, sizeof reply, MSG_NOSIGNAL);
            while (sent < 0 && errno == EINTR);
            if (sent != sizeof reply) return;
        }
    }

    void tidy_up() const noexcept {
        std::error_code ignored;  // what is left only costs space
        if (!rules_.removed.empty()) std::filesystem::remove_all(rules_.removed, ignored);
        for (auto path = rules_.removed_if_empty.rbegin(); path != rules_.removed_if_empty.rend(); ++path)
            ::rmdir(path->c_str());
    }

  private:
    struct Child {
        pid_t pid;
        Fd handle;
    };

    Reply answer(const Message& message) {
        if (message.head.action == Head::Action::kill) return end(message.head.pid);
        if (!is_allowed(message)) return {.error = EACCES};
        return start(message);
    }

    bool is_allowed(const Message& message) const {
        if (message.argv.empty()) return false;
        if (message.head.action == Head::Action::function)
            return message.argv.size() == 1 && rules_.functions.contains(message.argv.front());
        return std::any_of(rules_.programs.begin(), rules_.programs.end(),
                           [&](const auto& rule) { return rule(message.argv); });
    }

    // The handle is that process, even if its number is in use again.
    Reply end(pid_t pid) {
        for (const Child& child : children_) {
            if (child.pid != pid || has_ended(child)) continue;
            const long result = ::syscall(SYS_pidfd_send_signal, child.handle.get(), SIGKILL, nullptr, 0);
            return {.error = result == 0 ? 0 : errno};
        }
        return {.error = ESRCH};
    }

    static bool has_ended(const Child& child) {
        pollfd state{.fd = child.handle.get(), .events = POLLIN, .revents = 0};
        return ::poll(&state, 1, 0) != 0;
    }

    // CLONE_PARENT: the child is one of the process that asked, which waits for it.
    Reply start(const Message& message) {
        std::erase_if(children_, has_ended);
        Pipe failure = make_pipe();
        int handle = -1;
        const long pid =
            ::syscall(SYS_clone, CLONE_PARENT | CLONE_PIDFD | SIGCHLD, nullptr, &handle, nullptr, nullptr);
        if (pid < 0) return {.error = errno};
        if (pid == 0) run_child(message, failure.writer.get());
        children_.push_back({.pid = static_cast<pid_t>(pid), .handle = Fd(handle)});
        failure.writer.close();
        std::int32_t error = 0;
        ssize_t size = -1;
        do size = ::read(failure.reader.get(), &error, sizeof error);
        while (size < 0 && errno == EINTR);
        return {.error = size == sizeof error ? error : 0, .pid = static_cast<std::int32_t>(pid)};
    }

    [[noreturn]] void run_child(const Message& message, int failure) {
        socket_.close();
        // Its number may be one that the child uses.
        const int given = std::exchange(failure, ::fcntl(failure, F_DUPFD_CLOEXEC, kLowestParked));
        ::close(given);
        const bool is_ready = failure >= 0 && set_up(message);
        if (is_ready && message.head.action == Head::Action::function) {
            ::close(failure);
            run_function(message.argv.front());
        }
        std::vector<char*> argv;
        for (const std::string& argument : message.argv) argv.push_back(const_cast<char*>(argument.c_str()));
        argv.push_back(nullptr);
        if (is_ready) ::execvp(argv.front(), argv.data());
        const std::int32_t error = errno;
        // Without it, the exit status tells.
        if (::write(failure, &error, sizeof error) != sizeof error) ::_exit(kNoProgram);
        ::_exit(kNoProgram);
    }

    static bool set_up(const Message& message) {
        for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
            if (::signal(number, SIG_DFL) == SIG_ERR) return false;
        }
        sigset_t none;
        sigemptyset(&none);
        if (::sigprocmask(SIG_SETMASK, &none, nullptr) != 0) return false;
        if (message.head.shares_process_group == 0 && ::setpgid(0, 0) != 0) return false;
        std::vector<int> parked;
        for (const Fd& fd : message.descriptors) {
            parked.push_back(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kLowestParked));
            if (parked.back() < 0) return false;
        }
        const Fd opened(::open("/dev/null", O_RDWR | O_CLOEXEC));
        const Fd null(::fcntl(opened.get(), F_DUPFD_CLOEXEC, kLowestParked));
        for (const int number : {STDIN_FILENO, STDOUT_FILENO}) {
            if (::dup2(null.get(), number) < 0) return false;
        }
        for (std::size_t i = 0; i < parked.size(); ++i) {
            if (::dup2(parked[i], message.head.numbers[i]) < 0) return false;
        }
        return true;
    }

    // clone() left the C library's record of this thread wrong, and fork() makes a right one. The function
    // ends with the process that waits for it.
    [[noreturn]] void run_function(const std::string& name) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::_exit(call(rules_.functions.at(name)) ? 0 : 1);
        }
        int status = 0;
        while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
        ::_exit(pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : kNoProgram);
    }

    static bool call(const std::function<std::string(const std::string&)>& function) {
        try {
            const Fd input(kFunctionInput);
            FileRangeSource source(input.get(), 0, file_size(input.get()), "the input");
            const std::string output = function(read_all(source, kMaxFunctionInput, "the input"));
            write_all(kFunctionOutput, as_bytes(output), "the output");
            return true;
        } catch (const std::exception& error) {
            // It is the message of the call's error.
            const std::string_view text = error.what();
            return ::write(STDERR_FILENO, text.data(), text.size()) < 0;
        }
    }

    static constexpr int kFunctionInput = 3;
    static constexpr int kFunctionOutput = 4;
    static constexpr std::size_t kMaxFunctionInput = 64UL * 1024 * 1024;

    Fd socket_;
    HelperRules rules_;
    std::vector<Child> children_;
};

[[noreturn]] void run_server(Fd socket, HelperRules rules) {
    // It outlives a Ctrl-C, which ends the other process.
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) static_cast<void>(::signal(number, SIG_IGN));
    try {
        Server server(std::move(socket), std::move(rules));
        try {
            server.serve();
        } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the other process sees the end
        }
        server.tidy_up();
    } catch (const std::exception&) {
        ::_exit(1);
    }
    ::_exit(0);
}

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
    Reply call(const Head& head, const std::vector<std::string>& argv, const std::vector<int>& descriptors) {
        std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);  // NOLINT: the same program
        for (const std::string& argument : argv) bytes.append(argument).push_back('\0');
        iovec piece{.iov_base = bytes.data(), .iov_len = bytes.size()};
        Control control{};
        msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        if (!descriptors.empty()) {
            message.msg_control = &control;
            message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
            cmsghdr* const part = CMSG_FIRSTHDR(&message);
            part->cmsg_level = SOL_SOCKET;
            part->cmsg_type = SCM_RIGHTS;
            part->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
            std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size() * sizeof(int));
        }
        const std::lock_guard lock(mutex);
        Reply reply;
        ssize_t size = -1;
        do size = ::sendmsg(socket.get(), &message, MSG_NOSIGNAL);
        while (size < 0 && errno == EINTR);
        if (size >= 0) {
            do size = ::recv(socket.get(), &reply, sizeof reply, 0);
            while (size < 0 && errno == EINTR);
        }
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
    run_server(std::move(theirs), std::move(rules));
}

HelperProcess::~HelperProcess() {
    if (current() == this) set_current(nullptr);
    impl_->socket.close();
    int status = 0;
    while (::waitpid(impl_->pid, &status, 0) < 0 && errno == EINTR) continue;
}

pid_t HelperProcess::start(const Start& request) {
    Head head{.action = request.is_function ? Head::Action::function : Head::Action::program,
              .shares_process_group = request.shares_process_group ? 1U : 0U,
              .descriptors = static_cast<std::uint32_t>(request.descriptors.size())};
    std::size_t size = 0;
    for (const std::string& argument : request.argv) size += argument.size() + 1;
    if (request.descriptors.size() > kMaxPacketDescriptors || size > kMaxText)
        throw Error(ErrorKind::too_large, concat("too many arguments for ", quoted(request.argv.front())));
    std::vector<int> ours;
    for (std::size_t i = 0; i < request.descriptors.size(); ++i) {
        ours.push_back(request.descriptors[i].first);
        head.numbers[i] = request.descriptors[i].second;
    }
    const Reply reply = impl_->call(head, request.argv, ours);
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
        static_cast<void>(impl_->call({.action = Head::Action::kill, .pid = pid}, {}, {}));
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the child is left to its own end
    }
}

HelperProcess* HelperProcess::current() noexcept {
    return current_helper();
}

void HelperProcess::set_current(HelperProcess* helper) noexcept {
    current_helper() = helper;
}

}  // namespace osb
