// Reads a layer of an encapsulated image. Checks every object against its name and stores it
// (docs/formats/encapsulated-image.md). Supports both formats of ostree-ext: v1, and v0, which has separate
// attributes.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "ostree/import/encapsulated_objects.hh"
#include "ostree/import/layer_reader.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// Reads one layer. Not thread-safe.
class EncapsulatedLayerReader {
  public:
    // All arguments are borrowed; the caller must be a producer of the pool. `holds_commit`: this is the
    // first layer, which has the metadata objects; other layers only have content. `record` (unless null)
    // receives the entries as in layer.hh.
    EncapsulatedLayerReader(LayerArchive archive, const LayerContext& context, Encapsulated& out,
                            bool holds_commit, Layer* record = nullptr)
        : tar_(archive.tar),
          meter_(archive.meter),
          budget_(context.budget),
          writer_(context.writer),
          pool_(context.pool),
          out_(out),
          holds_commit_(holds_commit),
          record_(record) {}

    // Reads the archive to its end. Throws Error with the entry as context: digest_mismatch for an object
    // that does not match its name; invalid for an object that is malformed, duplicate or in the wrong layer,
    // for attributes without their file, and for a first layer without a commit.
    void read_all();

  private:
    void take(const oci::TarEntry& entry, const std::string& path);
    void take_object(const oci::TarEntry& entry, const std::string& path, const ImageObjectName& name);
    void take_metadata(const ImageObjectName& name, const std::string& bytes);
    void share_xattrs(std::string_view name, XattrBytes bytes);
    void take_xattrs(const oci::TarEntry& entry, const std::string& path, const ImageObjectName& name);
    void take_file(const oci::TarEntry& entry, const ImageObjectName& name);
    LayerEntry& record(EntryKind kind);
    void record_name(const oci::TarEntry& entry, const std::string& path);
    void record_object(const FileMeta& meta, const std::string& target, const Sha256& checksum);
    void see(const std::string& object);
    std::unique_ptr<std::uint8_t[]> next_piece(std::size_t length);
    void store_later(const oci::TarEntry& entry, const FileMeta& meta, const Sha256& expected);
    void store_large(const FileMeta& meta, std::uint64_t size, const Sha256& expected);
    std::string read_content(const oci::TarEntry& entry, std::size_t limit);
    void expect_regular(const oci::TarEntry& entry) const;

    oci::TarReader& tar_;
    LayerMeter& meter_;
    ImageBudget& budget_;
    ObjectWriter& writer_;
    TaskPool& pool_;
    Encapsulated& out_;
    bool holds_commit_;
    Layer* record_;
    std::string last_object_;                          // as hexadecimal digits
    std::map<std::string, XattrBytes> shared_xattrs_;  // by the name that links have as their target
    std::optional<std::pair<std::string, XattrBytes>> pending_;  // attributes; their file must come next
    std::set<std::string> seen_;
};

}  // namespace osb::ostree
