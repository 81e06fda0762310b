// Programs that administrators and images put into a directory, to be run one after the other: checks, hooks.
#pragma once

#include <string>
#include <vector>

namespace osb::system {

struct Program {
    std::string name;  // of the file
    std::string path;
};

// The executable files in `kind` below each of the directories, by name. A file in an earlier directory
// stands for the file of the same name in a later one, and a link to /dev/null switches it off. Files that
// are not executable, and leftovers of editors and package managers, are skipped: `warnings` gets a line for
// each. Hidden files are ignored. A directory that does not exist has no programs.
std::vector<Program> find_programs(const std::vector<std::string>& directories, const std::string& kind,
                                   std::vector<std::string>& warnings);

}  // namespace osb::system
