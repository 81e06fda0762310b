// Lists of Ed25519 public keys in the form of ostree: one key a line, 32 bytes in Base64.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace osb::ostree {

// Raw keys of 32 bytes.
using Ed25519Keys = std::set<std::string>;

// Empty lines, lines that begin with '#', and spaces around a key are ignored. `what` names the list in
// errors. Throws Error{invalid} for any other line: a list of revoked keys that is read in part would accept
// a key.
Ed25519Keys parse_ed25519_keys(std::string_view text, const std::string& what);

// Reads a list from a file. Throws Error as read_small_file(); not_found for a missing file; invalid for a
// list without a key.
Ed25519Keys read_ed25519_keys(const std::string& path);

// The directories with the lists that apply to all remotes: trusted.ed25519, revoked.ed25519, and the files
// in trusted.ed25519.d and revoked.ed25519.d.
std::vector<std::string> ed25519_key_directories();

// The keys of such lists. `name`: trusted.ed25519 or revoked.ed25519. Missing files have no keys. Throws as
// read_ed25519_keys() for the other faults.
Ed25519Keys read_ed25519_key_directories(const std::vector<std::string>& directories,
                                         const std::string& name);

}  // namespace osb::ostree
