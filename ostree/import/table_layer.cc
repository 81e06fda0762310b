#include "ostree/import/table_layer.hh"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/progress.hh"
#include "oci/codec/unzstd.hh"
#include "oci/tar/tar_split_reader.hh"
#include "ostree/import/layer_builder.hh"
#include "ostree/import/layer_reader.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/tree/image_budget.hh"

namespace osb::ostree {
namespace {

// The groups of a plan by the paths of their files, as in the table.
class GroupsByPath {
  public:
    explicit GroupsByPath(const FilePlan& plan) : plan_(plan) {
        for (std::size_t i = 0; i < plan.groups.size(); ++i) {
            for (const oci::TocEntry* const file : plan.groups[i].files) groups_.emplace(file->tar.path, i);
        }
    }

    // Throws Error{digest_mismatch} if the table has no such file with content.
    std::size_t find(const std::string& path, std::uint64_t size) const {
        const auto found = groups_.find(path);
        if (found == groups_.end() || plan_.groups[found->second].size != size) {
            throw Error(ErrorKind::digest_mismatch,
                        concat("the table of contents contradicts the archive: ", quoted(path)));
        }
        return found->second;
    }

  private:
    const FilePlan& plan_;
    std::unordered_map<std::string_view, std::size_t> groups_;
};

class TableLayerBuilder final : public LayerBuilder {
  public:
    TableLayerBuilder(const std::shared_ptr<Layer>& layer, ObjectWriter& writer, ImageBudget& budget,
                      const FilePlan& plan, const GroupsByPath& groups)
        : LayerBuilder(layer, writer, budget), writer_(writer), plan_(plan), groups_(groups) {}

    TableLayer result() {
        finish();
        return {.layer = layer(), .files = std::move(files_)};
    }

  private:
    void take_content(const oci::TarEntry& entry, LayerEntry& out, XattrBytes xattrs) override {
        if (entry.size == 0) {
            out.checksum = writer_.write_file(file_meta(out, S_IFREG, xattrs), {}, {});
            return;
        }
        const std::size_t group = groups_.find(entry.path, entry.size);
        files_.push_back({.entry = &out, .meta = object_meta(entry, writer_.mode()), .group = group});
        layer()->digests().push_back(
            {.digest = plan_.groups[group].digest, .size = entry.size, .entry = &out});
    }

    ObjectWriter& writer_;
    const FilePlan& plan_;
    const GroupsByPath& groups_;
    std::vector<PendingFile> files_;
};

// At most `left` bytes of a source: more are an error.
class CappedSource final : public Source {
  public:
    CappedSource(Source& inner, std::uint64_t left) : inner_(inner), left_(left) {}

    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = inner_.read(buffer);
        if (n > left_) throw Error(ErrorKind::too_large, "more tar-split data than declared");
        left_ -= n;
        return n;
    }

  private:
    Source& inner_;
    std::uint64_t left_;
};

}  // namespace

TableLayer build_from_table(const FileTable& table, const FilePlan& plan, const oci::Descriptor& blob,
                            const oci::Digest& diff_id, ObjectWriter& writer) {
    const auto layer = std::make_shared<Layer>(diff_id);
    layer->table = table_key(kWholeTable, blob.digest, table.location.toc_digest, diff_id);
    ImageBudget budget;  // the caller charges the layer to that of the image
    const GroupsByPath groups(plan);
    TableLayerBuilder builder(layer, writer, budget, plan, groups);
    for (const oci::TocEntry& entry : table.toc.entries) {
        check_interrupt();
        builder.take(entry.tar);
    }
    return builder.result();
}

TableLayer build_from_archive(const FileTable& table, const FilePlan& plan, const oci::Descriptor& blob,
                              const oci::Digest& diff_id, const std::string& tar_split, const OpenGroup& open,
                              ObjectWriter& writer, TaskPool& pool) {
    if (table.toc.tar_split_digest && sha256(as_bytes(tar_split)) != *table.toc.tar_split_digest)
        throw Error(ErrorKind::digest_mismatch, "the tar-split data do not match the table of contents");
    MemorySource packed(as_bytes(tar_split));
    const std::unique_ptr<Source> plain = oci::unzstd(packed);
    CappedSource lines(*plain, table.location.tar_split.value().uncompressed_size);
    const GroupsByPath groups(plan);
    const auto open_file = [&](const std::string& name, std::uint64_t size) {
        return with_context([&] { return concat("entry ", quoted(name)); },
                            [&] { return open(groups.find(name, size)); });
    };
    const auto layer = std::make_shared<Layer>(diff_id);
    ImageBudget budget;
    NoProgress progress;
    TableLayerBuilder builder(layer, writer, budget, plan, groups);
    layer->uncompressed_size =
        decode_layer({.bytes = std::make_unique<oci::RebuiltArchive>(lines, open_file),
                      .digest = diff_id,
                      .size = std::nullopt,
                      .compression = oci::Compression::none,
                      .packed_size = blob.size},
                     diff_id, {writer, pool, progress, budget}, [&builder](LayerArchive archive) {
                         oci::TarEntry entry;
                         while (archive.tar.next(entry)) {
                             check_interrupt();
                             archive.meter.holes(entry.holes);
                             builder.take(entry);
                         }
                         archive.tar.drain();
                     });
    return builder.result();
}

}  // namespace osb::ostree
