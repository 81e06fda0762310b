// A record in the repository of what the layers hold that it exported. So a later export knows the layers of
// the previous image without reading them, and can keep those that are still good.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "oci/chunked/layer_writer.hh"
#include "ostree/export/record_files.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// An exported layer of files of an encapsulated image.
struct ExportedLayer {
    oci::Descriptor descriptor;    // as it was written
    std::shared_ptr<Layer> layer;  // its objects, their names, and directories
    std::uint64_t weight = 0;      // layer_weight() of all objects together
};

// What an object adds to the size of a layer, in bytes: `size` is that of its content.
constexpr std::uint64_t layer_weight(std::uint64_t size) noexcept {
    constexpr std::uint64_t kHeaders = 1024;
    return size + kHeaders;
}

// The record: one file per blob in extensions/osb-oci/contents (record_files.hh). Damaged files are ignored.
// Thread-safe.
class ContentsRecord {
  public:
    static constexpr std::size_t kMaxRecords = 4096;

    // `repository` is borrowed.
    explicit ContentsRecord(const Repository& repository);

    // The layer with this blob, if this repository wrote it in this format and `diff_id` is its diffID.
    std::optional<ExportedLayer> find(const oci::Digest& blob, const oci::Digest& diff_id,
                                      const oci::LayerFormat& format) const;

    // Records a layer that has these files of the walk. Does nothing for a layer that the record has. An
    // error of writing is only logged; throws Error as read_object_header().
    void save(const oci::WrittenLayer& written, const oci::LayerFormat& format, const CommitWalk& walk,
              const std::vector<const WalkedFile*>& files) const;

  private:
    const Repository& repository_;
    RecordFiles files_;
};

}  // namespace osb::ostree
