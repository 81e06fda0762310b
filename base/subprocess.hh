// An owned child process. The child does not outlive its object, unless it survives SIGKILL. The end of its
// standard error is available for error messages.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace osb {

// The program to start, its arguments, environment and file descriptors.
struct SubprocessOptions {
    std::vector<std::string> argv;  // argv[0] is searched in $PATH; not empty
    // argv has the name of a function of the helper process (helper_process.hh) instead.
    bool is_function = false;
    std::vector<std::pair<std::string, std::string>> environment;  // adds to our environment or overrides it
    // Our descriptor -> its number in the child. The numbers 1 and 2 override those that Subprocess sets up.
    // The child inherits no other descriptor with O_CLOEXEC, which every descriptor of this project has.
    std::vector<std::pair<int, int>> inherited;
    // The child stays in our process group. A program that asks the user on the terminal needs this: the
    // kernel stops a background group that reads from it. Ctrl-C then reaches the child, too.
    bool shares_process_group = false;
};

// The result of a child process.
struct ExitState {
    bool signalled = false;
    int value = 0;  // the exit status or the signal number

    bool ok() const noexcept { return !signalled && value == 0; }
    // "exit status 1" or "signal 9".
    std::string to_string() const;
};

// A running child. Its standard input and output are /dev/null, and the last 4 KiB of its standard error are
// kept. In a sandbox the helper process starts it, and only if its rules have it. Unless the options say
// otherwise, the child has its own process group: Ctrl-C on the terminal reaches only this process, which
// then terminates the child in order. Not thread-safe.
class Subprocess {
  public:
    // The size of the kept end of standard error, in bytes.
    static constexpr std::size_t kStderrTail = 4096;
    // The time limit for a killed child to end.
    static constexpr std::chrono::milliseconds kKillLimit{5000};

    // Starts the child. Throws Error: not_found if the program does not exist, io if it cannot be started,
    // refused if the sandbox does not allow it.
    explicit Subprocess(const SubprocessOptions& options);
    Subprocess(const Subprocess&) = delete;
    Subprocess& operator=(const Subprocess&) = delete;
    Subprocess(Subprocess&&) noexcept;
    Subprocess& operator=(Subprocess&&) noexcept;
    // Kills a child that still runs, and reaps it; see terminate().
    ~Subprocess();

    pid_t pid() const noexcept;

    // Waits at most `limit`. Returns nullopt if the child still runs. Throws Interrupted.
    std::optional<ExitState> wait_for(std::chrono::milliseconds limit);
    // Waits until the child ends. Throws Error{io} unless it exits with status 0; the message has the name of
    // the program and the end of its standard error. Throws Interrupted.
    void wait();
    // Waits at most `grace` for the child to exit, then kills and reaps it. It is for clean-up, so it ignores
    // stop requests. Returns false if the child has not ended `kill_limit` after SIGKILL, for example because
    // it waits in the kernel for a disk that does not respond. Later calls do not wait for such a child
    // again.
    bool terminate(std::chrono::milliseconds grace,
                   std::chrono::milliseconds kill_limit = kKillLimit) noexcept;

    // The end of the child's standard error so far. It is raw: escape it before display. It is complete once
    // the child has ended.
    std::string stderr_tail() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace osb
