// Creates single files and directories of a planned /etc. Works only through open descriptors, because the
// owner of a directory below /etc may rename its entries at any moment.
#pragma once

#include <string>

#include "base/fd.hh"
#include "system/etc/etc_plan.hh"
#include "system/etc/etc_tree.hh"

namespace osb::system {

// The open directories that the paths of a plan are relative to. Borrowed.
struct EtcSources {
    int image = -1;
    int local = -1;
    // Copies a file as it is now, even if it was written or replaced since the plan was made, if it has the
    // same owner, mode and attributes. For a log or a state that is written all the time.
    bool takes_changed_content = false;
};

// The open parent directory of a path, found without following links, and the last name of the path.
struct EtcPosition {
    Fd directory;
    std::string name;
};

EtcPosition find_position(int root, const std::string& path);

// Creates the entry, which must not exist. The entry is complete except for the time of a directory. Throws
// Error{io, no_space}, and Error{not_found} if the source changed since the plan was made.
void make_node(const EtcPosition& position, const EtcStep& step, const EtcSources& sources);

// Sets owner, extended attributes and mode of an open file, which may be O_PATH. Removes inherited ACLs.
void set_node_metadata(int fd, const EtcEntry& entry);

// Sets owner, extended attributes and mode of an existing directory. Removes no extended attributes except
// ACLs.
void set_directory_metadata(const EtcPosition& position, const EtcEntry& entry);

// Removes the extended attributes that the wanted entry lacks from a directory. Keeps labels.
void remove_other_xattrs(const EtcPosition& position, const EtcEntry& present, const EtcEntry& wanted);

// Sets the times of an entry to its modification time. Does not follow a link.
void set_times(const EtcPosition& position, const EtcEntry& entry);

}  // namespace osb::system
