// What layers became when they were written before, kept in the repository: a layer that the destination has
// already is then known without being made.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hh"
#include "oci/chunked/layer_writer.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// A digest of all that decides the bytes of a layer: how it is written, and what is in it.
class LayerRecipe {
  public:
    // kind: what the layer is, e.g. "encapsulated files".
    LayerRecipe(std::string_view kind, const oci::LayerFormat& format);

    void add(std::string_view text);
    void add_files(const std::vector<const WalkedFile*>& files);
    void add_directories(const std::vector<WalkedDirectory>& directories);
    // To be called once, last.
    Sha256 finish() { return hasher_.finish_sha256(); }

  private:
    Hasher hasher_;
};

// The record: one small file a layer below extensions/osb-oci/layers in the repository, which ostree leaves
// alone. It is a cache: what is damaged is passed over, a repository that cannot be written to gets none, and
// the older half goes when there are more than kMaxRecords. Threads may use it at once.
class LayerRecord {
  public:
    static constexpr std::size_t kMaxRecords = 2048;

    // `repository` is borrowed.
    explicit LayerRecord(const Repository& repository) : repository_(repository) {}

    // Whether this repository has written no layer yet that it remembers.
    bool empty() const;
    // Without `tar_size` and `toc`.
    std::optional<oci::WrittenLayer> find(const Sha256& recipe) const;
    void save(const Sha256& recipe, const oci::WrittenLayer& layer) const;

  private:
    const Repository& repository_;
};

}  // namespace osb::ostree
