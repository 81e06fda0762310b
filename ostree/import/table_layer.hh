// An ordinary layer whose blob is not read: it is built of its table of contents, or of its archive, which is
// reproduced from tar-split data and from contents that are already stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/stream.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/manifest.hh"
#include "ostree/import/file_plan.hh"
#include "ostree/import/file_store.hh"
#include "ostree/import/image_tables.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/tree/image_budget.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// A file of the layer, whose object is still to be found or written. The caller sets entry->checksum.
struct PendingFile {
    LayerEntry* entry = nullptr;
    ObjectMeta meta;
    std::size_t group = 0;  // in FilePlan::groups
};

struct TableLayer {
    std::shared_ptr<Layer> layer;
    std::vector<PendingFile> files;  // that are not empty
};

// Builds the layer of the table's entries. Nothing proves that the layer's archive has the same entries:
// Layer::table is set. Charges the result to `budget`. Throws Error as LayerBuilder.
TableLayer build_from_table(const FileTable& table, const FilePlan& plan, const oci::Descriptor& blob,
                            const oci::Digest& diff_id, ObjectWriter& writer, ImageBudget& budget);

// Opens the content of a group.
using OpenGroup = std::function<std::unique_ptr<Source>(std::size_t group)>;

// Builds the layer of its archive, and checks the diffID. The files are what the archive has: `open` gives
// bytes to make the archive of, and each file gets the group with the digest of its content there. Names in
// `tar_split`, the compressed data at table.location.tar_split, and in the table only help to find the bytes.
// So the result is that of the whole blob (TableLayerThreads.TheResultIsThatOfTheWholeBlob). Charges it to
// `budget`, and what the archive and the data unpack to. Throws Error: digest_mismatch if the archive has
// another diffID, or a content that the table lacks; invalid and too_large for malformed data; and as `open`
// and LayerBuilder.
TableLayer build_from_archive(const FileTable& table, const FilePlan& plan, const oci::Descriptor& blob,
                              const oci::Digest& diff_id, const std::string& tar_split, const OpenGroup& open,
                              ObjectWriter& writer, ImageBudget& budget);

}  // namespace osb::ostree
