// Landlock (landlock(7)): what a process may do to files, sockets and other processes.
#pragma once

#include <string>
#include <vector>

namespace osb {

// What stays allowed. Reading files always does.
struct LandlockRules {
    // Directories in which files and directories may be created, changed and removed. A symbolic link is
    // followed once, now. A missing directory is skipped: nothing can be created in its place.
    std::vector<std::string> writable;
    // Likewise, but no symbolic link can be made there, and nothing can be moved there or between its
    // directories: a directory that is moved may have links in it.
    std::vector<std::string> writable_without_links;
    // Likewise, but no file in them can be opened for writing (from version 3 on: nor be cut). Files are
    // written elsewhere and moved there, from where they never come back. Other links to these files may be
    // in use.
    std::vector<std::string> exchanged;
    // Files that may be written; a missing one is skipped.
    std::vector<std::string> files;
    // Programs may be started. They have the same limits.
    bool programs = false;
};

// The oldest version with which ostree repositories work. Before it, no file can be renamed from one
// directory to another.
inline constexpr int kOldestLandlock = 2;

// The version of Landlock in this kernel; 0 if there is none or if it is turned off.
int landlock_version() noexcept;

// Limits the calling thread, the threads and processes that it starts from now on, and nothing else. There is
// no way back. It also sets no_new_privs: no program gains privileges. Device files other than /dev/null
// cannot be written, and no device or FIFO can be made. From version 4 on no TCP port can be opened, from 5
// on no device that is opened later can be configured, from 6 on no process outside of the limits can be
// signalled or reached by an abstract socket. Does nothing and returns false below kOldestLandlock. Throws
// Error{io}.
bool apply_landlock(const LandlockRules& rules);

}  // namespace osb
