// The facts of an initramfs that decide whether it starts a deployment.
#pragma once

#include <string>

#include "base/stream.hh"

namespace osb::image {

struct InitramfsFacts {
    bool has_init = false;          // /init, which the kernel runs
    bool init_is_program = false;   // it is a link or an executable file
    bool has_prepare_root = false;  // ostree-prepare-root, which puts the deployment in its place
    std::string problem;  // why it could not be read to the end; "" if it could, or if both were found
    bool is_unknown_format = false;  // the problem is a compression that osb-oci cannot read
};

// Reads an initramfs until both programs are found. Does not throw Error for its content, but for what `file`
// throws as not_found, io or digest_mismatch.
InitramfsFacts read_initramfs_facts(Source& file);

}  // namespace osb::image
