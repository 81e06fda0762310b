// Makes single files and directories of a planned /etc, through open files only: whoever owns a directory
// below /etc may rename what is in it at any moment.
#pragma once

#include <string>

#include "base/fd.hh"
#include "system/etc/etc_plan.hh"
#include "system/etc/etc_tree.hh"

namespace osb::system {

// The open directories that the paths of a plan are relative to.
struct EtcSources {
    int image = -1;
    int local = -1;
};

// The directory that holds a path below an open one, without following links; and the path's last name.
struct EtcPosition {
    Fd directory;
    std::string name;
};

EtcPosition find_position(int root, const std::string& path);

// Makes the entry, which must not exist, complete but for the time of a directory. Throws Error{io,
// no_space}; not_found when the source is another one than the plan was made from.
void make_node(const EtcPosition& position, const EtcStep& step, const EtcSources& sources);

// Gives a directory that exists the owner, attributes and mode of an entry. Removes no attribute but ACLs.
void set_directory_metadata(const EtcPosition& position, const EtcEntry& entry);

// Removes the attributes of a directory that the wanted entry does not have, but labels.
void remove_other_xattrs(const EtcPosition& position, const EtcEntry& present, const EtcEntry& wanted);

void set_times(const EtcPosition& position, const EtcEntry& entry);

}  // namespace osb::system
