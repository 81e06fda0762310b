// Ed25519 signatures of commits in the form of libostree (src/libostree/ostree-sign-ed25519.c): the detached
// metadata have the key ostree.sign.ed25519 with a list of byte strings (aay), each a signature of 64 bytes
// over the bytes of the commit object.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hh"
#include "registry/trust/signing_key.hh"

namespace osb::ostree {

// The keys of detached metadata with signatures.
inline constexpr std::string_view kEd25519Signatures = "ostree.sign.ed25519";
inline constexpr std::string_view kGpgSignatures = "ostree.gpgsigs";

// The number of signatures of one kind that are read, and up to which others are joined to them. Each is
// compared with each key, which takes time.
inline constexpr std::size_t kMaxCommitSignatures = 10'000;

// Returns detached metadata with one signature of `commit_object` by each of the keys, which must be Ed25519
// keys. The same key and commit always give the same signature.
std::string sign_commit_object(std::string_view commit_object, const std::vector<registry::PrivateKey>& keys);

// True if `bytes` has the form of a signature below `key`: 64 bytes for Ed25519, the start of an OpenPGP
// signature packet (RFC 9580, section 4.2) for GPG, and any form below another key.
bool has_signature_form(std::string_view key, ByteView bytes) noexcept;

// The byte strings below `key` in serialised detached metadata that have the form of a signature, at most the
// first kMaxCommitSignatures. Others are skipped, because anyone can add them. Empty if the key is missing or
// has a value of another type. Throws Error{invalid} for malformed metadata.
std::vector<std::string> read_signatures(std::string_view detached, std::string_view key);

// Returns that of the keys by which the detached metadata have a valid signature of `commit_object`; nullopt
// if there is none. Throws Error{invalid} for malformed metadata; Interrupted.
std::optional<registry::PublicKey> find_commit_signer(std::string_view commit_object,
                                                      std::string_view detached,
                                                      const std::vector<registry::PublicKey>& keys);

}  // namespace osb::ostree
