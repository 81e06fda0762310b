// One image in a directory, in the format of the transport dir: of containers/image (skopeo, podman):
//
//   version              "Directory Transport Version: 1.1\n"
//   manifest.json        the manifest, or an index
//   HEX                  a blob, named by the digits of its digest
//   HEX.manifest.json    a manifest that the index lists
//   signature-N, HEX.signature-N   detached signatures of the image and of the manifests
//
// Signatures are neither read nor written.
#pragma once

#include <memory>
#include <string>

#include "oci/transports/image_sink.hh"
#include "oci/transports/image_source.hh"
#include "oci/transports/layout_source.hh"

namespace osb::oci {

// Opens the image. Symbolic links, FIFOs and devices in the directory are rejected. Throws Error{not_found}
// if the directory does not exist, Error{invalid} if it is not an image of this format, Error{unsupported}
// for another version of the format. A missing file `version` is accepted, as containers/image does.
std::shared_ptr<ImageSource> open_directory_image(const std::string& directory);
// Opens an image by its files. `name` names the directory in messages.
std::shared_ptr<ImageSource> open_directory_files(std::unique_ptr<LayoutFiles> files,
                                                  const std::string& name);

// Opens the directory for writing, and creates it if it is missing; its parent must exist. The new image
// replaces the one in it.
//
// Writes are atomic: blobs appear under their digests, and manifest.json is replaced in one step, so a reader
// sees the old or the new image whenever the writer stops. Then the files that only the old image needed are
// removed, including its signatures. Files with other names are kept.
//
// Throws Error{invalid} for a directory with other content, Error{io} if another process writes to it,
// Error{no_space}.
std::unique_ptr<ImageSink> create_directory_sink(const std::string& directory);

}  // namespace osb::oci
