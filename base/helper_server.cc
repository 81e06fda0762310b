#include "base/helper_server.hh"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/bytes.hh"
#include "base/helper_message.hh"
#include "base/packet.hh"
#include "base/pipe.hh"
#include "base/stream.hh"

namespace osb {
namespace {

constexpr int kLowestParked = 64;  // higher than any number of a child's descriptor
constexpr int kNoProgram = 127;

struct Message {
    HelperRequest head;
    std::vector<std::string> argv;
    std::vector<Fd> descriptors;
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
    std::optional<Packet> packet = receive_packet(socket, sizeof(HelperRequest) + kMaxHelperArguments);
    if (!packet) return false;
    out = {};
    out.descriptors = std::move(packet->descriptors);
    const std::string_view text = packet->text;
    if (packet->has_more_text || packet->has_more_descriptors || text.size() < sizeof(HelperRequest))
        return true;
    std::memcpy(&out.head, text.data(), sizeof(HelperRequest));
    if (out.head.descriptors != out.descriptors.size()) return true;
    for (std::size_t i = 0; i < out.descriptors.size(); ++i) {
        if (out.head.numbers[i] < 0 || out.head.numbers[i] >= kLowestParked) return true;
    }
    out.argv = split(text.substr(sizeof(HelperRequest)));
    return true;
}

class Server {
  public:
    Server(Fd socket, HelperRules rules) : socket_(std::move(socket)), rules_(std::move(rules)) {}

    void serve() {
        Message message;
        while (receive(socket_.get(), message)) {
            const HelperReply reply = answer(message);
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

    HelperReply answer(const Message& message) {
        if (message.head.action == HelperRequest::Action::kill) return end(message.head.pid);
        if (!is_allowed(message)) return {.error = EACCES};
        return start(message);
    }

    bool is_allowed(const Message& message) const {
        if (message.argv.empty()) return false;
        if (message.head.action == HelperRequest::Action::function)
            return message.argv.size() == 1 && rules_.functions.contains(message.argv.front());
        return std::any_of(rules_.programs.begin(), rules_.programs.end(),
                           [&](const auto& rule) { return rule(message.argv); });
    }

    // The handle is that process, even if its number is in use again.
    HelperReply end(pid_t pid) {
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
    HelperReply start(const Message& message) {
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
        const bool is_function = message.head.action == HelperRequest::Action::function;
        const bool is_ready = failure >= 0 && set_up(message, is_function);
        if (is_ready && is_function) {
            ::close(failure);
            run_function(message.argv.front());
        }
        std::vector<char*> argv;
        for (const std::string& argument : message.argv) argv.push_back(const_cast<char*>(argument.c_str()));
        argv.push_back(nullptr);
        if (is_ready) ::execvp(argv.front(), argv.data());
        const std::int32_t error = errno;
        // If this fails, too, the exit status tells.
        static_cast<void>(::write(failure, &error, sizeof error) == sizeof error);
        ::_exit(kNoProgram);
    }

    bool set_up(const Message& message, bool is_function) {
        for (const int number : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
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
            const int number = message.head.numbers[i];
            // A function may use the descriptors that this process had from the beginning, also those with
            // these numbers.
            if (is_function && number == kFunctionInput) {
                input_ = parked[i];
            } else if (is_function && number == kFunctionOutput) {
                output_ = parked[i];
            } else if (::dup2(parked[i], number) < 0) {
                return false;
            }
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

    bool call(const std::function<std::string(const std::string&)>& function) const {
        try {
            FileRangeSource source(input_, 0, file_size(input_), "the input");
            const std::string output = function(read_all(source, kMaxFunctionData, "the input"));
            write_all(output_, as_bytes(output), "the output");
            return true;
        } catch (const std::exception& error) {
            // It is the message of the call's error.
            const std::string_view text = error.what();
            return ::write(STDERR_FILENO, text.data(), text.size()) < 0;
        }
    }

    Fd socket_;
    HelperRules rules_;
    std::vector<Child> children_;
    // In a child that runs a function.
    int input_ = -1;
    int output_ = -1;
};

}  // namespace

void run_helper(Fd socket, HelperRules rules) {
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

}  // namespace osb
