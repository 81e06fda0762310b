// The three-way merge of /etc, as a plan: what each path of the result is made from. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "system/etc/account_files.hh"
#include "system/etc/etc_tree.hh"

namespace osb::system {

// One of the three: the old image's /usr/etc, the machine's /etc, the new image's /usr/etc.
struct EtcSide {
    EtcTree tree;                            // with the digests of files
    AccountFiles accounts;                   // the texts of those account files that are regular files
    std::vector<std::string> left_out = {};  // one line about each part that is not in the tree, escaped
};

enum class EtcAction {
    image,    // the new image's
    local,    // the machine's, also where the image has another one
    keep_as,  // the machine's under another name, beside the image's
    join,     // an account file, joined by entry
};

struct EtcStep {
    EtcAction action = EtcAction::image;
    std::string source;  // its path in the tree that it comes from
    EtcEntry entry;      // type and metadata of the result
    std::string text;    // of join
};

struct EtcPlan {
    std::map<std::string, EtcStep> result;  // by path, parents before children; the root is ""
    std::vector<std::string> notes;         // one line about each conflict, escaped
};

// As libostree merges /etc: changes of the machine win, what it removed stays removed, and what it did not
// change follows the new image. In addition
// - account files are joined by entry (account_files.hh),
// - where a file of the machine meets a directory that the image made in its place, or the other way round,
//   the machine's is kept as NAME.osb-local (then NAME.osb-local.1, ...) beside the image's; a NAME that is
//   too long for that is shortened,
// - a directory that the image gave up stays while something of the machine is in it.
// The same three sides give the same plan.
EtcPlan plan_merge(const EtcSide& old_default, const EtcSide& local, const EtcSide& new_default);

}  // namespace osb::system
