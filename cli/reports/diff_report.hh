// The output of `diff`, for people and for programs (docs/json.md).
#pragma once

#include <string>

#include "cli/output/json_output.hh"
#include "ostree/diff/commit_diff.hh"
#include "system/diff/diff.hh"

namespace osb::cli {

// "1 added, 2 removed, 3 changed; 1.5 KiB added, 20 B removed"; "the same" if there is no difference.
std::string describe_counts(const ostree::DiffCounts& files);
// Lines for people. `with_files`: also each path. External text is escaped.
std::string describe_diff(const system::SystemDiff& diff, bool with_files);
// "+", "-" or " ".
char change_mark(ostree::EntryChange change) noexcept;
// "content, mode"; "" for none.
std::string describe_aspects(const ostree::EntryAspects& what);

// The JSON document, in the format of to_document(). `a` and `b` are the operands.
std::string diff_document(const std::string& a, const std::string& b, const system::SystemDiff& diff);
// Members of it that other documents share.
const char* change_name(ostree::EntryChange change) noexcept;
OrderedJson aspects_to_json(const ostree::EntryAspects& what);
OrderedJson counts_to_json(const ostree::DiffCounts& files);

}  // namespace osb::cli
