// GPG in a sandbox: gpg is a program, and signing needs its agent, so both happen in the helper process
// (base/helper_process.hh).
#pragma once

#include <string>
#include <string_view>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/commit_signers.hh"

namespace osb::ostree {

// The names of the helper's functions.
inline constexpr const char* kGpgVerify = "gpg-verify";
inline constexpr const char* kGpgSign = "gpg-sign";

// The function kGpgVerify: gpg_problem() with the remote of this repository. gpg can write only in the
// temporary directory. Input: as gpg_input(); output: the problem. Call it in a process of its own.
std::string gpg_verify_outside(const std::string& repository, const std::string& remote,
                               const std::string& input);

// The function kGpgSign: signs with one of the keys. Input: as gpg_input(); output: the new detached
// metadata,
// "" if nothing was added.
std::string gpg_sign_outside(const CommitSigners& signers, const std::string& input);

// For kGpgVerify: a commit and a signature. For kGpgSign: a commit and its detached metadata; `key` is the
// index of the key.
std::string gpg_input(std::string_view commit_object, std::string_view other, std::size_t key = 0);

}  // namespace osb::ostree
