// Removes directory trees that users of the machine may have filled with anything.
#pragma once

#include <string>

namespace osb::ostree {

// Removes the entry `name` of an open directory and everything below it. Does not follow links. Also removes
// immutable and append-only files (chattr +i, +a), and directories of any depth. Never enters another
// filesystem or a bind mount that is mounted below it: throws Error{refused} with the code
// "mounted_filesystem" then, after it has removed the rest. A missing entry is not an error. Not atomic;
// idempotent: the next call continues. Throws Error{io}; Interrupted.
void remove_tree(int directory, const std::string& name);

}  // namespace osb::ostree
