#include "base/sandboxed_call.hh"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <string_view>
#include <thread>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "base/pipe.hh"
#include "base/stored_error.hh"

namespace osb {
namespace {

// The first byte of an answer.
enum class Answer : char { result = 'r', error = 'e', interrupted = 'i' };

std::string make_answer(Answer kind, std::string_view text) {
    return concat(static_cast<char>(kind), text);
}

std::string answer_of(const std::function<std::string()>& function) {
    try {
        return make_answer(Answer::result, function());
    } catch (const Interrupted& stop) {
        return make_answer(Answer::interrupted, std::to_string(stop.signal_number()));
    } catch (const Error& error) {
        return make_answer(Answer::error, store_error(error));
    } catch (const std::exception& error) {
        return make_answer(Answer::error, store_error(Error(ErrorKind::internal, error.what())));
    }
}

// Results are printed by the process that calls.
void close_standard_output() {
    const Fd null = open_at(AT_FDCWD, "/dev/null", O_WRONLY);
    if (::dup2(null.get(), STDOUT_FILENO) < 0) throw_errno("cannot replace standard output");
}

[[noreturn]] void run_child(const SandboxRules& rules, SandboxMode mode,
                            const std::function<std::string()>& function, int result) {
    const std::string answer = answer_of([&] {
        close_standard_output();
        const Sandbox sandbox(rules, mode);
        sandbox.close_descriptors(result);
        log_debug(concat("sandbox: ", sandbox.description()));
        return function();
    });
    try {
        write_all(result, as_bytes(answer), "the result");
    } catch (const std::exception&) {
        ::_exit(1);  // the other process sees the end
    }
    ::_exit(0);
}

// A child that is ended and waited for, whatever happens.
class Child {
  public:
    explicit Child(pid_t pid) : pid_(pid) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGTERM);
        for (auto left = kGrace; left.count() > 0; left -= kPause) {
            if (::waitpid(pid_, nullptr, WNOHANG) != 0) return;
            std::this_thread::sleep_for(kPause);
        }
        ::kill(pid_, SIGKILL);
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
    }

    // The status of waitpid(2). One that was taken over may not end by itself: throws Interrupted.
    int wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) check_interrupt();
        pid_ = -1;
        return status;
    }

  private:
    // It makes no request in vain, and writes what it has begun.
    static constexpr std::chrono::milliseconds kGrace{20000};
    static constexpr std::chrono::milliseconds kPause{20};
    pid_t pid_;
};

std::string text_of_end(int status) {
    if (WIFSIGNALED(status)) return concat("was ended by signal ", WTERMSIG(status));
    return concat("ended with exit status ", WEXITSTATUS(status));
}

std::string take_result(std::string answer, int status) {
    const char kind = answer.empty() ? '\0' : answer.front();
    if (!answer.empty()) answer.erase(0, 1);
    if (status == 0 && kind == static_cast<char>(Answer::result)) return answer;
    if (status == 0 && kind == static_cast<char>(Answer::error)) throw parse_error(answer);
    check_interrupt();
    // A signal may have reached only the child.
    if (status == 0 && kind == static_cast<char>(Answer::interrupted)) throw Interrupted(SIGTERM);
    throw Error(ErrorKind::internal, concat("the process that decodes in the sandbox ", text_of_end(status)));
}

}  // namespace

std::string call_in_sandbox(const SandboxRules& rules, SandboxMode mode,
                            const std::function<std::string()>& function) {
    if (mode == SandboxMode::off) return function();
    Pipe pipe = make_pipe();
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw errno_error(errno, "cannot start a process for the sandbox")
            .hint("--sandbox off needs no further process");
    }
    if (pid == 0) {
        const bool is_alone = ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent;
        if (is_alone) ::_exit(1);
        run_child(rules, mode, function, pipe.writer.get());
    }
    Child child(pid);
    pipe.writer.close();
    FdSource source(std::move(pipe.reader), "the result");
    std::string answer = read_all(source, kMaxSandboxedResult, "the result of the process in the sandbox");
    return take_result(std::move(answer), child.wait());
}

}  // namespace osb
