// Plans the three-way merge of /etc: the source of each path of the result. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "system/etc/account_files.hh"
#include "system/etc/etc_tree.hh"

namespace osb::system {

// One side of the merge: the old image's /usr/etc, the machine's /etc, or the new image's /usr/etc.
struct EtcSide {
    EtcTree tree;                            // with the digests of files
    AccountFiles accounts;                   // texts of the account files that are regular files
    std::vector<std::string> left_out = {};  // one line for each part that is not in the tree, escaped
};

// The source of an entry of the result.
enum class EtcAction {
    image,    // take the new image's entry
    local,    // take the machine's entry, even if the image has another one
    keep_as,  // keep the machine's entry under another name, beside the image's
    join,     // merge an account file by entry
};

// One entry of the result.
struct EtcStep {
    EtcAction action = EtcAction::image;
    std::string source;  // path in the tree that the entry comes from
    EtcEntry entry;      // type and metadata of the result
    std::string text;    // content, for join
};

// The result of a merge, not yet written.
struct EtcPlan {
    std::map<std::string, EtcStep> result;  // by path, parents before children; the root is ""
    std::vector<std::string> notes;         // one line for each conflict, escaped
};

// Merges as libostree merges /etc: changes of the machine win, an entry that the machine removed stays
// removed, and an unchanged entry follows the new image. In addition:
// - Account files are merged by entry (account_files.hh).
// - If a file of the machine meets a directory that the image made in its place, or the reverse, the
//   machine's entry is kept as NAME.osb-local (then NAME.osb-local.1, ...) beside the image's. A NAME that is
//   too long for the suffix is shortened.
// - A directory that the image dropped stays while it contains an entry of the machine.
// Deterministic: equal sides give equal plans.
EtcPlan plan_merge(const EtcSide& old_default, const EtcSide& local, const EtcSide& new_default);

}  // namespace osb::system
