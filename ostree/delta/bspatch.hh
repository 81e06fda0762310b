// Patches of bsdiff in the form that libostree writes (github.com/mendsley/bsdiff): a sequence of a control
// block of three numbers, bytes to add to the old content, and new bytes.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.hh"
#include "base/stream.hh"
#include "ostree/delta/base_object.hh"

namespace osb::ostree {

// The new content, of `size` bytes. `old` is shared, `patch` is borrowed. read() throws Error{invalid} for a
// malformed patch, and for one that makes another number of bytes; otherwise as BaseObject::read_at().
std::unique_ptr<Source> apply_patch(std::shared_ptr<const BaseObject> old, ByteView patch,
                                    std::uint64_t size);

}  // namespace osb::ostree
