// Applies a plan (etc_plan.hh) to a directory: by an exchange with a new directory, or file by file if the
// directory is in use.
#pragma once

#include <functional>
#include <string>

#include "system/etc/etc_node.hh"
#include "system/etc/etc_plan.hh"

namespace osb::system {

// Reads the table of an open directory and the texts of its account files. Throws as read_etc_tree(), and
// Error{too_large} for an account file of more than 16 MiB.
EtcSide read_etc_side(int directory);

// Builds the result as `.osb-etc-new` in the open directory of a deployment, syncs it to the disk, exchanges
// it with `etc`, and removes the old directory. The exchange is atomic if the filesystem supports it;
// otherwise `etc` is missing for an instant. At any other instant `etc` is completely old or completely new.
// A second run completes or repeats an interrupted one. Keeps the SELinux labels that the policy has set.
// Writes a large file of zeros as a sparse file. Calls `before_swap` with the fingerprint of the result
// before `etc` changes. Returns the fingerprint. Throws Error{io, no_space}, Error{not_found} if a file
// disappeared or changed meanwhile, and Interrupted; `etc` is then unchanged.
std::string replace_etc(int deployment, const EtcPlan& plan, const EtcSources& sources,
                        const std::function<void(const std::string& result)>& before_swap = {});

// Removes what a replace_etc() of this deployment left when it was killed: the second directory, and the
// missing flag "immutable" of the deployment's own directory. Puts the old `etc` back if the kill hit between
// two renames. Returns true if there was something. Idempotent. Throws Error{io}.
bool clear_interrupted_replace(int deployment);

// Updates an open directory that is in use. Changes each differing file atomically, directories before their
// files, and removes entries last. Then syncs everything to the disk. Idempotent. Returns the number of
// changed entries. Throws as replace_etc().
std::size_t update_etc(int etc, const EtcPlan& plan, const EtcSources& sources);

}  // namespace osb::system
