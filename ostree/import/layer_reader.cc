#include "ostree/import/layer_reader.hh"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "oci/codec/decompress.hh"
#include "oci/codec/verified_source.hh"
#include "oci/tar/tar_reader.hh"
#include "ostree/objects/xattr_policy.hh"
#include "ostree/tree/layer_path.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {
namespace {

// Reports the bytes that are read of the blob.
class ProgressSource final : public Source {
  public:
    ProgressSource(std::unique_ptr<Source> inner, Progress& progress)
        : inner_(std::move(inner)), progress_(progress) {}
    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = inner_->read(buffer);
        progress_.advance(n);
        return n;
    }

  private:
    std::unique_ptr<Source> inner_;
    Progress& progress_;
};

// The uncompressed layer. It is hashed for the diffID, and its size is limited.
class DiffIdSource final : public Source {
  public:
    // stored: the size of the blob if the transport decompresses it.
    DiffIdSource(Source& inner, const oci::VerifiedSource& blob, std::optional<std::uint64_t> stored,
                 HashAlgorithm algorithm, LayerMeter& meter)
        : inner_(inner), blob_(blob), stored_(stored), hasher_(algorithm), meter_(meter) {}

    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = inner_.read(buffer);
        hasher_.update(ByteView(buffer).first(n));
        count_ += n;
        meter_.unpacked(n, stored_.value_or(blob_.bytes_read()));
        return n;
    }

    std::uint64_t bytes_read() const noexcept { return count_; }
    std::string finish_hex() { return hasher_.finish_hex(); }

  private:
    Source& inner_;
    const oci::VerifiedSource& blob_;
    const std::optional<std::uint64_t> stored_;
    Hasher hasher_;
    LayerMeter& meter_;
    std::uint64_t count_ = 0;
};

FileMeta file_meta(const LayerEntry& entry, mode_t type, std::string_view xattrs) {
    return {.uid = entry.uid, .gid = entry.gid, .mode = type | entry.mode, .xattrs = xattrs};
}

// Stores the content of a file in memory.
class ContentTask final : public Task {
  public:
    ContentTask(ObjectWriter& writer, std::shared_ptr<Layer> layer, LayerEntry& entry, XattrBytes xattrs,
                std::unique_ptr<std::uint8_t[]> content, std::size_t size)
        : writer_(writer),
          layer_(std::move(layer)),
          entry_(entry),
          xattrs_(std::move(xattrs)),
          content_(std::move(content)),
          size_(size) {}
    void run() override {
        const FileMeta meta = file_meta(entry_, S_IFREG, xattrs_);
        entry_.checksum = with_context([this] { return concat("entry ", quoted(entry_.path)); },
                                       [&] {
                                           return writer_.write_file(meta, {}, {content_.get(), size_});
                                       });
    }

  private:
    ObjectWriter& writer_;
    std::shared_ptr<Layer> layer_;  // keeps entry_ alive if the layer fails before this runs
    LayerEntry& entry_;
    XattrBytes xattrs_;
    std::unique_ptr<std::uint8_t[]> content_;
    std::size_t size_;
};

// Dropped entries by kind, with the first few names of each.
class Dropped {
  public:
    void add(const std::string& kind, std::string_view name) {
        Group& group = groups_[kind];
        constexpr std::size_t kNamed = 3;
        if (group.count++ < kNamed) {
            if (!group.names.empty()) group.names += ", ";
            group.names += escape(name, 100);
        }
    }
    void write_to(std::vector<std::string>& notes) const {
        for (const auto& [kind, group] : groups_) {
            notes.push_back(
                concat(kind, " dropped: ", group.count, " (", group.names, group.count > 3 ? ", ...)" : ")"));
        }
    }

  private:
    struct Group {
        std::size_t count = 0;
        std::string names;
    };
    std::map<std::string, Group> groups_;
};

class LayerReader {
  public:
    LayerReader(std::shared_ptr<Layer> layer, LayerArchive archive, const LayerContext& context)
        : layer_(std::move(layer)), tar_(archive.tar), meter_(archive.meter), context_(context) {}

    void read_all() {
        oci::TarEntry entry;
        while (tar_.next(entry)) {
            check_interrupt();
            with_context([&entry] { return concat("entry ", quoted(entry.path)); },
                         [&] {
                             context_.budget.take_entries();
                             take(entry);
                         });
        }
        const std::uint64_t rubbish = tar_.drain();
        if (rubbish > 0) {
            layer_->notes().push_back(concat("bytes after the end of the archive ignored: ", rubbish));
        }
        dropped_.write_to(layer_->notes());
    }

  private:
    // The memory to which the entries refer is kept.
    std::string_view keep(std::string_view text) {
        context_.budget.keep(text.size());
        return layer_->keep(text);
    }

    LayerEntry& add(EntryKind kind, std::string_view path) {
        context_.budget.keep(sizeof(LayerEntry));
        LayerEntry& entry = layer_->entries().emplace_back();
        entry.kind = kind;
        entry.path = keep(path);
        return entry;
    }

    void take(const oci::TarEntry& entry) {
        const std::string path = normalize_path(entry.path);
        if (path.empty() && entry.type != oci::TarType::directory) {
            throw Error(ErrorKind::invalid, "the root of the layer is not a directory");
        }
        const LayerName name = classify(path);
        switch (name.kind) {
            case NameKind::ordinary:
                return take_ordinary(entry, path);
            case NameKind::ignored:
                dropped_.add("names reserved by AUFS", path);
                if (is_aufs_link(path) && entry.type == oci::TarType::file) take_file(entry, path);
                return;
            case NameKind::whiteout:
            case NameKind::opaque:
                break;
        }
        // The name marks a whiteout. AUFS, which defined them, linked all of a filesystem to one empty file.
        const bool is_empty_file = entry.type == oci::TarType::file && entry.size == 0;
        if (!is_empty_file && entry.type != oci::TarType::hardlink) {
            throw Error(ErrorKind::invalid,
                        "a whiteout that is neither an empty regular file nor a hard link");
        }
        add(name.kind == NameKind::opaque ? EntryKind::opaque : EntryKind::whiteout, name.path);
    }

    void take_ordinary(const oci::TarEntry& entry, const std::string& path) {
        switch (entry.type) {
            case oci::TarType::file:
                return take_file(entry, path);
            case oci::TarType::symlink:
                return take_symlink(entry, path);
            case oci::TarType::directory:
                return take_directory(entry, path);
            case oci::TarType::hardlink:
                return take_hardlink(entry, path);
            case oci::TarType::character_device:
            case oci::TarType::block_device:
                dropped_.add("devices, which ostree does not support,", path);
                break;
            case oci::TarType::fifo:
                dropped_.add("FIFOs, which ostree does not support,", path);
                break;
        }
        // A special file still hides the content of lower layers.
        add(EntryKind::special, path);
    }

    // The attributes of the entry that are kept. The result is valid during the lifetime of the layer.
    XattrBytes xattrs_of(const oci::TarEntry& entry) {
        std::vector<std::string> dropped;
        XattrBytes xattrs = serialize_xattrs(select_xattrs(entry, dropped));
        for (const std::string& name : dropped)
            dropped_.add("extended attributes", concat(name, " of ", entry.path));
        return xattrs;
    }

    static void set_owner(LayerEntry& to, const oci::TarEntry& from) {
        to.mode = from.mode;
        to.uid = from.uid;
        to.gid = from.gid;
    }

    void take_directory(const oci::TarEntry& entry, const std::string& path) {
        LayerEntry& out = add(EntryKind::directory, path);
        set_owner(out, entry);
        out.xattrs = keep(xattrs_of(entry));
    }

    void take_symlink(const oci::TarEntry& entry, const std::string& path) {
        check_link_target(entry.link_target);
        LayerEntry& out = add(EntryKind::symlink, path);
        set_owner(out, entry);
        out.mode = 0777;  // the mode of a link has no effect, and Linux shows no other
        out.target = keep(entry.link_target);
        out.checksum = context_.writer.write_file(file_meta(out, S_IFLNK, xattrs_of(entry)), out.target, {});
    }

    void take_hardlink(const oci::TarEntry& entry, const std::string& path) {
        const std::string target = with_context([] { return "the target of a hard link"; },
                                                [&] { return normalize_path(entry.link_target); });
        LayerEntry& out = add(EntryKind::hardlink, path);
        out.target = keep(target);
    }

    void take_file(const oci::TarEntry& entry, const std::string& path) {
        LayerEntry& out = add(EntryKind::file, path);
        set_owner(out, entry);
        meter_.holes(entry.holes);
        XattrBytes xattrs = xattrs_of(entry);
        if (entry.size > FileStream::kPiece) {
            stream_file(out, file_meta(out, S_IFREG, xattrs), entry.size);
            return;
        }
        const auto size = static_cast<std::size_t>(entry.size);
        auto content = std::make_unique_for_overwrite<std::uint8_t[]>(size + 1);
        fill({content.get(), size});
        const std::size_t held = size + xattrs.size() + kTaskOverhead;
        context_.pool.submit(std::make_unique<ContentTask>(context_.writer, layer_, out, std::move(xattrs),
                                                           std::move(content), size),
                             held);
    }

    void stream_file(LayerEntry& out, const FileMeta& meta, std::uint64_t size) {
        FileStream stream(context_.writer, context_.pool, meta, size);
        while (size > 0) {
            check_interrupt();
            const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(size, FileStream::kPiece));
            auto piece = std::make_unique_for_overwrite<std::uint8_t[]>(length);
            fill({piece.get(), length});
            stream.write(std::move(piece), length);
            size -= length;
        }
        out.checksum = stream.finish();
    }

    void fill(MutableBytes buffer) {
        while (!buffer.empty()) {
            const std::size_t n = tar_.read(buffer);
            if (n == 0) throw Error(ErrorKind::invalid, "the layer ends in the middle of a file");
            buffer = buffer.subspan(n);
        }
    }

    static constexpr std::size_t kTaskOverhead = 512;

    std::shared_ptr<Layer> layer_;
    oci::TarReader& tar_;
    LayerMeter& meter_;
    const LayerContext& context_;
    Dropped dropped_;
};

}  // namespace

std::uint64_t decode_layer(oci::LayerBlob blob, const oci::Digest& diff_id, const LayerContext& context,
                           const std::function<void(LayerArchive)>& read) {
    oci::VerifiedSource verified(std::make_unique<ProgressSource>(std::move(blob.bytes), context.progress),
                                 blob.digest, blob.size);
    const std::unique_ptr<Source> plain = oci::decompress_layer(verified, blob.compression);
    LayerMeter meter(context.budget);
    DiffIdSource diff(*plain, verified, blob.packed_size, diff_id.algorithm(), meter);
    oci::TarReader tar(diff);
    try {
        read({tar, meter});
    } catch (const Error& error) {
        // A damaged blob explains a malformed archive better, so check the blob first.
        if (error.kind() == ErrorKind::invalid) verified.finish();
        throw;
    }
    verified.finish();
    const oci::Digest actual = oci::Digest::from_hex(diff_id.algorithm(), diff.finish_hex());
    if (actual != diff_id) {
        throw Error(ErrorKind::digest_mismatch,
                    concat("unpacks to ", actual.to_string(), ", but the image's config declares ",
                           diff_id.to_string()));
    }
    return diff.bytes_read();
}

std::shared_ptr<Layer> read_layer(oci::LayerBlob blob, const oci::Digest& diff_id,
                                  const LayerContext& context) {
    auto layer = std::make_shared<Layer>(diff_id);
    layer->blob = blob.digest;
    layer->uncompressed_size = decode_layer(std::move(blob), diff_id, context, [&](LayerArchive archive) {
        LayerReader(layer, archive, context).read_all();
    });
    return layer;
}

}  // namespace osb::ostree
