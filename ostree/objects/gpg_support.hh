// GPG in libostree, which distributions may leave out.
#pragma once

namespace osb::ostree {

// True if libostree was built with gpgme.
bool has_gpg() noexcept;

}  // namespace osb::ostree
