// A process outside of the sandbox that starts the few programs which a run needs, and tidies up after it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace osb {

// What the helper does. All of it is decided before the first byte from outside is read: the other process
// may be taken over later, and can then request anything.
struct HelperRules {
    using Arguments = std::vector<std::string>;
    // A program is started if one of them returns true for its arguments.
    std::vector<std::function<bool(const Arguments&)>> programs;
    // Functions by name: the input, which may be hostile, to the output (helper_call.hh). They run in a
    // process of their own, and may throw.
    std::map<std::string, std::function<std::string(const std::string&)>> functions;
    // Directories that are removed at the end, unless they hold something: the last one first.
    std::vector<std::string> removed_if_empty;
    // A directory that is removed at the end with everything in it; "" for none.
    std::string removed;
};

// The numbers that a request names for a function's input, a file, and its output, a pipe; and the most bytes
// of each. The function itself gets the bytes.
inline constexpr int kFunctionInput = 3;
inline constexpr int kFunctionOutput = 4;
inline constexpr std::size_t kMaxFunctionData = 64UL * 1024 * 1024;

// The connection to the helper. Thread-safe.
class HelperProcess {
  public:
    // Starts the helper, which ends with this process, however that ends. Call it before this process starts
    // threads. Throws Error{io}.
    explicit HelperProcess(HelperRules rules);
    HelperProcess(const HelperProcess&) = delete;
    HelperProcess& operator=(const HelperProcess&) = delete;
    // Waits until the helper has tidied up.
    ~HelperProcess();

    struct Start {
        std::vector<std::string> argv;  // of a program; for a function only its name
        bool is_function = false;
        std::vector<std::pair<int, int>> descriptors;  // ours -> the child's, whose other ones are /dev/null
        bool shares_process_group = false;
    };
    // Starts a child of this process: it is waited for as any other. Throws Error: not_found if there is no
    // such program, refused if the rules do not have it, io.
    pid_t start(const Start& request);
    // Kills a child that start() returned. A sandbox may forbid this process to do it.
    void kill(pid_t pid) noexcept;

    // Of the connection.
    int descriptor() const noexcept;

    // That of this process, if it is in a sandbox; else nullptr.
    static HelperProcess* current() noexcept;
    static void set_current(HelperProcess* helper) noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace osb
