// A child process, owned: it does not outlive the object, unless even killing does not end it; and what it
// says on standard error can be shown in an error.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace osb {

// What is started, and with what.
struct SubprocessOptions {
    std::vector<std::string> argv;  // argv[0] is looked for in $PATH; not empty
    std::vector<std::pair<std::string, std::string>> environment;  // added to ours, or in place of ours
    // Descriptor of ours -> its number in the child (1 and 2 too, in place of what Subprocess gives it). All
    // others of the child's are closed on exec as far as they carry O_CLOEXEC, which every descriptor of this
    // project does.
    std::vector<std::pair<int, int>> inherited;
};

// How a child ended.
struct ExitState {
    bool signalled = false;
    int value = 0;  // the exit status or the signal's number

    bool ok() const noexcept { return !signalled && value == 0; }
    // "exit status 1", "signal 9".
    std::string to_string() const;
};

// One running child. Standard input and output are /dev/null; of standard error the last 4 KiB are kept. The
// child has a process group of its own, so that Ctrl-C on the terminal reaches us alone and we end it in
// order. Not for use by several threads at once.
class Subprocess {
  public:
    // How much of standard error is kept, in bytes.
    static constexpr std::size_t kStderrTail = 4096;
    // How long one that was killed may take to end.
    static constexpr std::chrono::milliseconds kKillLimit{5000};

    // Throws Error: not_found when there is no such program, io when it cannot be started.
    explicit Subprocess(const SubprocessOptions& options);
    Subprocess(const Subprocess&) = delete;
    Subprocess& operator=(const Subprocess&) = delete;
    Subprocess(Subprocess&&) noexcept;
    Subprocess& operator=(Subprocess&&) noexcept;
    // Kills the child when it still runs, and reaps it; see terminate().
    ~Subprocess();

    pid_t pid() const noexcept;

    // Waits at most that long; nothing when the child still runs. Throws Interrupted.
    std::optional<ExitState> wait_for(std::chrono::milliseconds limit);
    // Waits until the child ends. Throws Error{io} naming the program and the end of its standard error
    // unless it ends with status 0; Interrupted.
    void wait();
    // Waits at most `grace` for the child to end by itself, then kills and reaps it. For clean-up: looks at
    // no interruption. False when it has not ended `kill_limit` after that either, as one that waits in the
    // kernel for a disk that does not answer: it is given up then, and not waited for again.
    bool terminate(std::chrono::milliseconds grace,
                   std::chrono::milliseconds kill_limit = kKillLimit) noexcept;

    // The last bytes that it wrote to standard error so far, raw: to be escaped before they are shown.
    // Complete once the child has ended.
    std::string stderr_tail() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace osb
