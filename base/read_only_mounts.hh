// A view of the machine in which only some directories can be changed.
#pragma once

#include <string>
#include <vector>

namespace osb {

// Moves this process into a mount namespace of its own, in which all filesystems are read-only but for these
// directories; a missing one is skipped. Landlock limits neither modes nor owners, times nor extended
// attributes of files, and root could make any program on the machine run as root for everybody: here that
// fails, too. Hard links between the directories are no longer possible. Descriptors that are open now keep
// the old view, and so does a directory that is reached through one. Returns false, and changes nothing that
// others see, if this process may not mount, "/" is one of the directories, the mounts are not shared
// (mount_namespaces(7): a filesystem that is unmounted meanwhile would stay in use), or the kernel is older
// than 5.12. Throws Error{io} if it fails half-way.
bool make_mounts_read_only(const std::vector<std::string>& writable);

}  // namespace osb
