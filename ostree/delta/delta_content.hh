// The content of one object that a static delta makes.
#pragma once

#include <functional>
#include <memory>

#include "base/stream.hh"
#include "ostree/delta/base_object.hh"
#include "ostree/delta/delta_part.hh"

namespace osb::ostree {

// Finds the content of an existing object.
using LoadBase = std::function<std::shared_ptr<const BaseObject>(const Sha256&)>;

// The content of a regular file. `object` and `payload` are borrowed. Throws Error{too_large} if pieces of
// existing objects are repeated without measure; read() throws Error{invalid} for wrong pieces, and as
// `load`.
std::unique_ptr<Source> open_content(const DeltaObject& object, ByteView payload, const LoadBase& load);

}  // namespace osb::ostree
