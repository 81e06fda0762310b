// Makes a directory what a plan says (etc_plan.hh): as a new directory that takes the old one's place, or
// file by file in one that is in use.
#pragma once

#include <functional>
#include <string>

#include "system/etc/etc_node.hh"
#include "system/etc/etc_plan.hh"

namespace osb::system {

// The table of an open directory with the texts of its account files. Throws as read_etc_tree();
// Error{too_large} for an account file of more than 16 MiB.
EtcSide read_etc_side(int directory);

// Builds the result as `etc.new` in the open directory of a deployment, writes it to the disk, and lets it
// and `etc` change places in one step; then removes the old one. Where the filesystem cannot do that in one
// step, `etc` is missing for an instant. At any other instant `etc` is the old one or the new one, as a
// whole; a second run completes or repeats an interrupted one. SELinux labels stay as the policy has set
// them. Returns the fingerprint of the result, which `before_swap` gets before `etc` changes. A large file of
// zeros takes no space. Throws Error{io, no_space}, not_found when a file went away
// or changed meanwhile; Interrupted: then `etc` is as it was.
std::string replace_etc(int deployment, const EtcPlan& plan, const EtcSources& sources,
                        const std::function<void(const std::string& result)>& before_swap = {});

// Changes what differs in an open directory that is in use: each file in one step, directories before their
// files; removes last. Then writes all to the disk. Idempotent. Returns how many entries changed. Throws as
// replace_etc().
std::size_t update_etc(int etc, const EtcPlan& plan, const EtcSources& sources);

}  // namespace osb::system
