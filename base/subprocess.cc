#include "base/subprocess.hh"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <thread>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/helper_process.hh"
#include "base/interrupt.hh"
#include "base/pipe.hh"

extern char** environ;  // no POSIX header declares it

namespace osb {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// Higher than any descriptor number in a child, so that one dup2() cannot overwrite the source of another.
constexpr int kLowestParked = 64;

// posix_spawn functions return their error; 0 is success.
void check_spawn(int result, const char* what) {
    if (result != 0) throw errno_error(result, what);
}

class FileActions {
  public:
    FileActions() { check_spawn(posix_spawn_file_actions_init(&actions_), "cannot prepare a child process"); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;
    ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }

    void open_null(int target, int flags) {
        check_spawn(posix_spawn_file_actions_addopen(&actions_, target, "/dev/null", flags, 0),
                    "cannot prepare a child process");
    }

    // The child gets a copy of fd under the number `target`.
    void give(int fd, int target) {
        parked_.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, kLowestParked));
        if (!parked_.back()) throw_errno("cannot copy a file descriptor");
        check_spawn(posix_spawn_file_actions_adddup2(&actions_, parked_.back().get(), target),
                    "cannot prepare a child process");
    }

    const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

  private:
    posix_spawn_file_actions_t actions_{};
    std::vector<Fd> parked_;
};

// Default signal handling, an empty signal mask and a process group of its own.
class SpawnAttributes {
  public:
    explicit SpawnAttributes(bool shares_process_group) {
        check_spawn(posix_spawnattr_init(&attributes_), "cannot prepare a child process");
        sigset_t defaults;
        sigset_t mask;
        sigemptyset(&defaults);
        sigemptyset(&mask);
        // An ignored signal would stay ignored in the child.
        for (const int number : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP}) sigaddset(&defaults, number);
        int flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
        if (!shares_process_group) flags |= POSIX_SPAWN_SETPGROUP;
        const bool ok = posix_spawnattr_setsigdefault(&attributes_, &defaults) == 0 &&
                        posix_spawnattr_setsigmask(&attributes_, &mask) == 0 &&
                        posix_spawnattr_setpgroup(&attributes_, 0) == 0 &&
                        posix_spawnattr_setflags(&attributes_, static_cast<short>(flags)) == 0;
        if (!ok) {
            posix_spawnattr_destroy(&attributes_);
            throw Error(ErrorKind::internal, "cannot prepare a child process");
        }
    }
    SpawnAttributes(const SpawnAttributes&) = delete;
    SpawnAttributes& operator=(const SpawnAttributes&) = delete;
    ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }

    const posix_spawnattr_t* get() const noexcept { return &attributes_; }

  private:
    posix_spawnattr_t attributes_{};
};

std::vector<std::string> merged_environment(
    const std::vector<std::pair<std::string, std::string>>& additions) {
    std::vector<std::string> out;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::string_view name = text.substr(0, text.find('='));
        bool replaced = false;
        for (const auto& addition : additions) replaced = replaced || addition.first == name;
        if (!replaced) out.emplace_back(text);
    }
    for (const auto& [name, value] : additions) out.push_back(concat(name, '=', value));
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    out.reserve(texts.size() + 1);
    for (std::string& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

pid_t start_by_helper(HelperProcess& helper, const SubprocessOptions& options, const Fd& stderr_writer) {
    if (!options.environment.empty()) throw Error(ErrorKind::internal, "a helper sets no environment");
    HelperProcess::Start request{.argv = options.argv,
                                 .is_function = options.is_function,
                                 .descriptors = {{stderr_writer.get(), STDERR_FILENO}},
                                 .shares_process_group = options.shares_process_group};
    request.descriptors.insert(request.descriptors.end(), options.inherited.begin(), options.inherited.end());
    return helper.start(request);
}

pid_t spawn(const SubprocessOptions& options, const Fd& stderr_writer) {
    if (options.argv.empty()) throw Error(ErrorKind::internal, "no program to start");
    if (HelperProcess* const helper = HelperProcess::current())
        return start_by_helper(*helper, options, stderr_writer);
    if (options.is_function) throw Error(ErrorKind::internal, "there is no helper process");
    FileActions actions;
    actions.open_null(STDIN_FILENO, O_RDONLY);
    actions.open_null(STDOUT_FILENO, O_WRONLY);
    actions.give(stderr_writer.get(), STDERR_FILENO);
    for (const auto& [ours, theirs] : options.inherited) actions.give(ours, theirs);
    const SpawnAttributes attributes(options.shares_process_group);
    std::vector<std::string> argv = options.argv;
    std::vector<std::string> environment = merged_environment(options.environment);
    pid_t pid = -1;
    const int result = ::posix_spawnp(&pid, options.argv.front().c_str(), actions.get(), attributes.get(),
                                      pointers(argv).data(), pointers(environment).data());
    if (result != 0) throw errno_error(result, concat("cannot start ", quoted(options.argv.front())));
    return pid;
}

// Reads standard error continuously, so that a child never blocks on the pipe. Keeps the end of the text.
class StderrReader {
  public:
    explicit StderrReader(Fd reader) : reader_(std::move(reader)), stop_(make_pipe()) {
        const int flags = ::fcntl(reader_.get(), F_GETFL);
        if (flags < 0 || ::fcntl(reader_.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
            throw_errno("cannot set up a pipe");
        }
        thread_ = std::thread([this] { run(); });
    }
    StderrReader(const StderrReader&) = delete;
    StderrReader& operator=(const StderrReader&) = delete;
    ~StderrReader() { finish(); }

    // Reads the rest of the pipe and stops, even if a grandchild keeps the pipe open. Call it after the child
    // has ended.
    void finish() noexcept {
        stop_.writer.close();
        if (thread_.joinable()) thread_.join();
    }

    std::string tail() const {
        const std::lock_guard lock(mutex_);
        return tail_;
    }

  private:
    void run() noexcept {
        for (;;) {
            std::array<pollfd, 2> entries{pollfd{.fd = reader_.get(), .events = POLLIN, .revents = 0},
                                          pollfd{.fd = stop_.reader.get(), .events = POLLIN, .revents = 0}};
            if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) return;
            const bool open = take();
            if (!open || entries[1].revents != 0) return;
        }
    }

    // Reads everything that is available. Returns false at the end of the stream.
    bool take() noexcept {
        std::array<char, 1024> buffer{};
        for (;;) {
            const ssize_t n = ::read(reader_.get(), buffer.data(), buffer.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return errno == EAGAIN;
            if (n == 0) return false;
            keep({buffer.data(), static_cast<std::size_t>(n)});
        }
    }

    void keep(std::string_view text) noexcept {
        const std::lock_guard lock(mutex_);
        tail_ += text;
        if (tail_.size() > Subprocess::kStderrTail) tail_.erase(0, tail_.size() - Subprocess::kStderrTail);
    }

    Fd reader_;
    Pipe stop_;
    mutable std::mutex mutex_;
    std::string tail_;
    std::thread thread_;
};

}  // namespace

std::string ExitState::to_string() const {
    return concat(signalled ? "signal " : "exit status ", value);
}

struct Subprocess::Impl {
    std::string name;
    pid_t pid = -1;
    std::optional<ExitState> ended;
    bool given_up = false;  // it was killed but did not end
    std::unique_ptr<StderrReader> errors;

    // Reaps the child if it has ended; never waits.
    void poll_end() noexcept {
        if (ended) return;
        int status = 0;
        const pid_t result = ::waitpid(pid, &status, WNOHANG);
        if (result == 0 || (result < 0 && errno == EINTR)) return;
        // ECHILD: another waitpid() took the status. Only the end of the child is known.
        ended = ExitState{.signalled = false, .value = 255};
        if (result == pid && WIFEXITED(status))
            ended = ExitState{.signalled = false, .value = WEXITSTATUS(status)};
        if (result == pid && WIFSIGNALED(status))
            ended = ExitState{.signalled = true, .value = WTERMSIG(status)};
        errors->finish();
    }

    // Waits until `deadline` at most, and calls on_tick() between polls. No portable way exists to wait for a
    // child with a time limit without affecting the signals of other threads.
    template<typename Tick>
    void wait_until(SteadyClock::time_point deadline, const Tick& on_tick) {
        milliseconds pause(1);
        for (poll_end(); !ended && SteadyClock::now() < deadline; poll_end()) {
            on_tick();
            std::this_thread::sleep_for(pause);
            pause = std::min(pause * 2, milliseconds(20));
        }
    }
};

Subprocess::Subprocess(const SubprocessOptions& options) : impl_(std::make_unique<Impl>()) {
    Pipe pipe = make_pipe();
    impl_->errors = std::make_unique<StderrReader>(std::move(pipe.reader));
    impl_->pid = spawn(options, pipe.writer);
    impl_->name = options.argv.front();
}

Subprocess::Subprocess(Subprocess&&) noexcept = default;

Subprocess& Subprocess::operator=(Subprocess&& other) noexcept {
    if (this != &other) {
        if (impl_) terminate(milliseconds(0));
        impl_ = std::move(other.impl_);
    }
    return *this;
}

Subprocess::~Subprocess() {
    if (impl_) terminate(milliseconds(0));
}

pid_t Subprocess::pid() const noexcept {
    return impl_->pid;
}

std::optional<ExitState> Subprocess::wait_for(milliseconds limit) {
    impl_->wait_until(SteadyClock::now() + limit, [] { check_interrupt(); });
    return impl_->ended;
}

void Subprocess::wait() {
    std::optional<ExitState> state;
    while (!state) state = wait_for(milliseconds(1000));
    if (state->ok()) return;
    const std::string tail = stderr_tail();
    throw Error(ErrorKind::io, concat(quoted(impl_->name), " failed with ", state->to_string(),
                                      tail.empty() ? "" : ": ", escape(tail)));
}

bool Subprocess::terminate(milliseconds grace, milliseconds kill_limit) noexcept {
    if (impl_->given_up) {
        impl_->poll_end();
        return impl_->ended.has_value();
    }
    impl_->wait_until(SteadyClock::now() + grace, [] {});
    if (impl_->ended) return true;
    // The child is not reaped yet, so the number is its own.
    if (::kill(impl_->pid, SIGKILL) != 0 && errno == EPERM && HelperProcess::current() != nullptr)
        HelperProcess::current()->kill(impl_->pid);
    impl_->wait_until(SteadyClock::now() + kill_limit, [] {});
    impl_->given_up = !impl_->ended;
    return !impl_->given_up;
}

std::string Subprocess::stderr_tail() const {
    return impl_->errors->tail();
}

}  // namespace osb
