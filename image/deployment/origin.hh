// What a deployment follows: its origin file, as libostree, bootc and rpm-ostree read it.
#pragma once

#include <string>
#include <string_view>

#include "ostree/objects/ref_name.hh"

namespace osb::image {

// The text of an origin for an image. `reference` is "docker://NAME", a bare "HOST/NAME:TAG", or in the
// grammar that ostree-ext writes (ostree-unverified-registry:NAME, ostree-unverified-image:TRANSPORT:NAME,
// ostree-image-signed:TRANSPORT:NAME, ostree-remote-registry:REMOTE:NAME,
// ostree-remote-image:REMOTE:TRANSPORT: NAME). Throws Error{usage}.
std::string image_origin(std::string_view reference);

// The image that such a reference names, as TRANSPORT:NAME ("docker://quay.io/x/y:1"): by it ostree-ext keeps
// its ref.
std::string origin_image(std::string_view reference);

// The ref that names the commit of such an image in a sysroot's repository, where ostree-ext has it too.
inline constexpr std::string_view kImageRefPrefix = "ostree/container/image";
ostree::RefName image_ref(std::string_view reference);

// The text of an origin for a ref; of a remote "REMOTE:REF".
std::string refspec_origin(std::string_view refspec);

}  // namespace osb::image
