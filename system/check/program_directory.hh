// Finds the programs that administrators and images put into a directory: checks and hooks. The caller runs
// them one after the other.
#pragma once

#include <string>
#include <vector>

namespace osb::system {

// An executable file.
struct Program {
    std::string name;  // the file name
    std::string path;
};

// Returns the executable files in `kind` below each directory, sorted by name. A file in an earlier directory
// overrides the file of the same name in a later one. A link to /dev/null disables a program. Files that are
// not executable, and leftovers of editors and package managers, are skipped; `warnings` gets a line for
// each. Hidden files are ignored. A directory that does not exist has no programs.
std::vector<Program> find_programs(const std::vector<std::string>& directories, const std::string& kind,
                                   std::vector<std::string>& warnings);

}  // namespace osb::system
