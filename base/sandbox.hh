// The sandbox of a run: what remains possible for the process that decodes bytes from outside.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/helper_process.hh"
#include "base/syscall_filter.hh"

namespace osb {

enum class SandboxMode {
    automatic,  // as far as the kernel has it
    require,    // fail without Landlock or the filter; root's mounts may be missing
    off,
};

// What a run needs besides its temporary directory, the standard descriptors and reading files.
struct SandboxRules {
    // Directories that it changes.
    std::vector<std::string> writable;
    // Likewise, but what is in the files does not change (LandlockRules::exchanged).
    std::vector<std::string> exchanged;
    // Directories that are made beforehand if they are missing: with their parents if `parents` is set. They
    // are removed again at the end unless they hold something.
    struct Made {
        enum class Change {
            all,
            exchange,       // as in `exchanged`
            without_links,  // LandlockRules::writable_without_links
        };
        std::string path;
        bool parents = false;
        Change change = Change::all;
    };
    std::vector<Made> made;
    // Files that it changes in directories that it does not change. They are made if they are missing.
    std::vector<std::string> files;
    // Directories whose times it sets: nothing else of them changes.
    std::vector<std::string> touched;
    // Where the temporary directory of the run is made; "": where temporary_directory() says.
    std::string temporary_parent;
    // No symbolic link can be made in the temporary directory: a program of the helper would follow it.
    bool no_temporary_links = false;
    // Hard links between the directories must remain possible, so root gets no read-only mounts.
    bool links_between = false;
    SyscallRules calls;
    HelperRules helper;
};

// Keeps this process in a sandbox, for good, and the helper process alive.
class Sandbox {
  public:
    // Puts this process, which must have one thread, into a sandbox: a helper process, a temporary directory
    // of this run (temporary_directory.hh), read-only mounts and few capabilities for root, Landlock, and a
    // filter of system calls. Throws Error: unsupported with SandboxMode::require if a part is missing; io.
    Sandbox(SandboxRules rules, SandboxMode mode);
    Sandbox(const Sandbox&) = delete;
    Sandbox& operator=(const Sandbox&) = delete;
    // Ends the helper process, which removes what the run left.
    ~Sandbox();

    // Closes all descriptors of this process but the standard ones, those of the sandbox, and `kept`.
    void close_descriptors(int kept) const;

    // The parts that are in effect, for a message: "Landlock 7, a filter of system calls".
    const std::string& description() const noexcept { return description_; }

  private:
    std::unique_ptr<HelperProcess> helper_;
    std::string description_;
};

// For a process without a helper that only computes: nothing can be written outside of `directory`, and the
// programs that it starts have the same limits. Parts that the kernel lacks are left out. Throws Error{io}.
void limit_writes(const std::string& directory);

}  // namespace osb
