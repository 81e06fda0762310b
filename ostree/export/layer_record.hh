// A record in the repository of the layers that were written before. If the destination has a recorded layer,
// it need not be generated again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hh"
#include "oci/chunked/layer_writer.hh"
#include "ostree/export/record_files.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// A digest of everything that determines the bytes of a layer: its format and its content.
class LayerRecipe {
  public:
    // kind: the type of layer, for example "encapsulated files".
    LayerRecipe(std::string_view kind, const oci::LayerFormat& format);

    void add(std::string_view text);
    void add_files(const std::vector<const WalkedFile*>& files);
    void add_directories(const std::vector<WalkedDirectory>& directories);
    // Call it once, last.
    Sha256 finish() { return hasher_.finish_sha256(); }

  private:
    Hasher hasher_;
};

// The record: one small file per layer in extensions/osb-oci/layers (record_files.hh). Damaged files are
// ignored. Thread-safe.
class LayerRecord {
  public:
    static constexpr std::size_t kMaxRecords = 2048;

    // `repository` is borrowed and must outlive this object. format: of the layers that save() records.
    explicit LayerRecord(const Repository& repository, const oci::LayerFormat& format = {});

    // True if the record has no layers.
    bool empty() const { return files_.empty(); }
    // The recorded layer, without `tar_size` and `toc`, or nullopt.
    std::optional<oci::WrittenLayer> find(const Sha256& recipe) const;
    void save(const Sha256& recipe, const oci::WrittenLayer& layer) const;
    // The recorded blobs, by digest, that this version of the program made in this format: equal content has
    // equal frames in them.
    std::map<std::string, oci::Descriptor> blobs() const;

  private:
    RecordFiles files_;
    std::string writer_;
};

}  // namespace osb::ostree
