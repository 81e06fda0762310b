#include "system/upgrade/image_file.hh"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/hash.hh"
#include "base/interrupt.hh"
#include "oci/chunked/zstd_chunked_toc.hh"
#include "oci/codec/decompress.hh"
#include "oci/tar/tar_reader.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/known_layers.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::system {
namespace {

// The information of one layer about the file.
struct Answer {
    enum class Kind { found, absent, removed, not_known } kind = Kind::absent;
    std::string text;  // found: the content; not_known: why

    static Answer found(std::string text) { return {Kind::found, std::move(text)}; }
    static Answer not_known(std::string reason) { return {Kind::not_known, std::move(reason)}; }
    static Answer removed() { return {Kind::removed, ""}; }
};

// Strips the prefix of a path in an archive: "./lib/x", "/lib/x".
std::string_view without_prefix(std::string_view path) {
    if (path.starts_with("./")) path.remove_prefix(2);
    while (path.starts_with('/')) path.remove_prefix(1);
    return path;
}

// Throws Error after `limit` bytes, which all sources of this kind share.
class SearchedSource final : public Source {
  public:
    SearchedSource(std::unique_ptr<Source> inner, std::uint64_t& left)
        : inner_(std::move(inner)), left_(left) {}

    std::size_t read(MutableBytes buffer) override {
        check_interrupt();
        if (left_ == 0) throw Error(ErrorKind::too_large, "the layer is too large to search");
        const std::size_t n = inner_->read(
            buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_))));
        left_ -= n;
        return n;
    }

  private:
    std::unique_ptr<Source> inner_;
    std::uint64_t& left_;
};

class Search {
  public:
    Search(const ostree::Repository& repository, const oci::Image& image, const WantedFile& wanted)
        : repository_(repository),
          image_(image),
          wanted_(wanted),
          known_(ostree::known_layers(repository, image)) {}

    ImageFile run() {
        const std::size_t base = ostree::encapsulated_layers(image_);
        Answer answer;
        // The uppermost layer that contains the file counts.
        for (std::size_t i = known_.size(); i > base && answer.kind == Answer::Kind::absent; --i)
            answer = ask(i - 1, false);
        if (answer.kind == Answer::Kind::absent) answer = ask_base(base);
        ImageFile out{.content = std::nullopt, .reason = "", .bytes_read = bytes_read_};
        if (answer.kind == Answer::Kind::found) {
            out.content = std::move(answer.text);
        } else {
            out.reason = answer.kind == Answer::Kind::not_known ? answer.text
                                                                : concat("the image has no ", wanted_.what);
        }
        return out;
    }

  private:
    bool is_wanted(std::string_view path) const {
        return std::find(wanted_.names.begin(), wanted_.names.end(), path) != wanted_.names.end();
    }

    // Returns true if the file is at `path`, or below that folder ("" for the root).
    bool is_below(std::string_view path) const {
        return std::any_of(wanted_.names.begin(), wanted_.names.end(), [&](std::string_view name) {
            return path.empty() || name == path || name.starts_with(concat(path, '/'));
        });
    }

    // Returns true if a whiteout of that name hides the file.
    bool hides_file(std::string_view path) const {
        constexpr std::string_view kWhiteout = ".wh.";
        const std::size_t slash = path.rfind('/');
        const std::string_view folder = slash == std::string_view::npos ? "" : path.substr(0, slash);
        const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
        if (name == ".wh..wh..opq") return is_below(folder);
        if (!name.starts_with(kWhiteout)) return false;
        const std::string_view hidden = name.substr(kWhiteout.size());
        return is_below(folder.empty() ? std::string(hidden) : concat(folder, '/', hidden));
    }

    [[noreturn]] void refuse_size() const {
        throw Error(ErrorKind::too_large, concat(wanted_.what, " is too large"));
    }

    // An object is in only one layer of the base, and any of these layers may have it.
    Answer ask_base(std::size_t base) {
        Answer last;
        for (std::size_t i = base; i > 0; --i) {
            Answer answer = ask(i - 1, true);
            if (answer.kind == Answer::Kind::found) return answer;
            if (answer.kind == Answer::Kind::not_known) last = std::move(answer);
        }
        return last;
    }

    Answer ask(std::size_t index, bool holds_objects) {
        if (known_[index] != nullptr) return ask_known(*known_[index]);
        const oci::Descriptor& layer = image_.manifest.layers[index];
        if (const auto location = oci::find_toc(layer)) return ask_table(layer, *location);
        return ask_archive(index, holds_objects);
    }

    Answer ask_known(const ostree::Layer& layer) const {
        using ostree::EntryKind;
        const bool holds_objects = layer.kind() != ostree::LayerKind::ordinary;
        const EntryKind named_by = holds_objects ? EntryKind::hardlink : EntryKind::file;
        bool is_hidden = false;
        for (const ostree::LayerEntry& entry : layer.entries()) {
            if (entry.kind == named_by && is_wanted(entry.path)) return read_known(entry, holds_objects);
            if (entry.kind != EntryKind::whiteout && entry.kind != EntryKind::opaque) continue;
            is_hidden = is_hidden || is_below(entry.path);
        }
        return is_hidden ? Answer::removed() : Answer{};
    }

    Answer read_known(const ostree::LayerEntry& entry, bool holds_objects) const {
        if (holds_objects && entry.target.empty()) return Answer::found("");
        const Sha256 checksum = holds_objects ? parse_sha256(entry.target) : entry.checksum;
        const ostree::ContentObject object = ostree::open_object(repository_, checksum);
        if (!object.content) return {};
        return Answer::found(read_all(*object.content, wanted_.limit, wanted_.what));
    }

    Answer ask_table(const oci::Descriptor& layer, const oci::TocLocation& location) {
        const std::string bytes = read_range(layer, location.toc.offset, location.toc.size);
        const oci::Toc toc = oci::read_toc(as_bytes(bytes), location);
        std::map<std::string_view, const oci::TocEntry*> entries;
        for (const oci::TocEntry& entry : toc.entries) entries[without_prefix(entry.tar.path)] = &entry;
        for (const std::string_view name : wanted_.names) {
            auto found = entries.find(name);
            if (found != entries.end() && found->second->tar.type == oci::TarType::hardlink)
                found = entries.find(without_prefix(found->second->tar.link_target));
            if (found != entries.end() && found->second->tar.type == oci::TarType::file)
                return Answer::found(read_entry(layer, *found->second));
        }
        const bool is_hidden = std::any_of(entries.begin(), entries.end(),
                                           [&](const auto& entry) { return hides_file(entry.first); });
        return is_hidden ? Answer::removed() : Answer{};
    }

    std::string read_range(const oci::Descriptor& layer, std::uint64_t offset, std::uint64_t size) {
        std::string out = oci::read_range(*image_.source, layer, offset, size);
        bytes_read_ += size;
        return out;
    }

    std::string read_entry(const oci::Descriptor& layer, const oci::TocEntry& entry) {
        if (entry.tar.size > wanted_.limit) refuse_size();
        std::string out;
        for (const oci::TocChunk& chunk : entry.chunks) {
            if (chunk.zeros) {
                out.append(static_cast<std::size_t>(chunk.size), '\0');
                continue;
            }
            if (chunk.end_offset - chunk.offset > wanted_.limit) refuse_size();
            const std::string packed = read_range(layer, chunk.offset, chunk.end_offset - chunk.offset);
            MemorySource source(as_bytes(packed));
            out += read_all(*oci::decompress(source, oci::Compression::zstd),
                            static_cast<std::size_t>(chunk.size), wanted_.what);
        }
        if (entry.digest && sha256(as_bytes(out)) != *entry.digest)
            throw Error(ErrorKind::digest_mismatch,
                        concat(wanted_.what, " does not match the table of contents"));
        return out;
    }

    Answer ask_archive(std::size_t index, bool holds_objects) {
        const std::uint64_t before = left_;
        Answer out;
        try {
            oci::LayerBlob blob = image_.source->open_layer(image_.manifest, image_.config, index);
            SearchedSource source(std::move(blob.bytes), left_);
            const std::unique_ptr<Source> archive = oci::decompress_layer(source, blob.compression);
            out = search_archive(*archive, holds_objects);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::too_large) throw;
            out = Answer::not_known(
                left_ == 0 ? "layers without a table of contents are only searched in their first 16 MiB"
                           : error.message());
        }
        bytes_read_ += before - left_;
        return out;
    }

    Answer search_archive(Source& archive, bool holds_objects) const {
        oci::TarReader tar(archive);
        oci::TarEntry entry;
        bool is_hidden = false;
        // In a layer of objects: the last object, if it may be the file. Its names come after it.
        std::string last_path;
        std::string last;
        while (tar.next(entry)) {
            const std::string_view path = without_prefix(entry.path);
            is_hidden = is_hidden || hides_file(path);
            if (holds_objects && entry.type == oci::TarType::hardlink && is_wanted(path) &&
                without_prefix(entry.link_target) == last_path) {
                return Answer::found(std::move(last));
            }
            if (entry.type != oci::TarType::file) continue;
            if (!holds_objects && is_wanted(path)) return Answer::found(read_content(tar, entry));
            if (!holds_objects || !path.ends_with(".file") || entry.size < wanted_.start.size() ||
                entry.size > wanted_.limit)
                continue;
            last_path = path;
            last = read_candidate(tar, entry);
        }
        return is_hidden ? Answer::removed() : Answer{};
    }

    std::string read_content(oci::TarReader& tar, const oci::TarEntry& entry) const {
        if (entry.size > wanted_.limit) refuse_size();
        std::string out(static_cast<std::size_t>(entry.size), '\0');
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): char aliases
        MutableBytes rest(reinterpret_cast<std::uint8_t*>(out.data()), out.size());
        while (!rest.empty()) rest = rest.subspan(tar.read(rest));
        return out;
    }

    // Returns the content if it begins like the file, else "".
    std::string read_candidate(oci::TarReader& tar, const oci::TarEntry& entry) const {
        std::string first(wanted_.start.size(), '\0');
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): char aliases
        MutableBytes part(reinterpret_cast<std::uint8_t*>(first.data()), first.size());
        while (!part.empty()) part = part.subspan(tar.read(part));
        if (first != wanted_.start) return "";
        oci::TarEntry rest = entry;
        rest.size -= first.size();
        return first + read_content(tar, rest);
    }

    const ostree::Repository& repository_;
    const oci::Image& image_;
    const WantedFile& wanted_;
    std::vector<std::shared_ptr<const ostree::Layer>> known_;
    std::uint64_t left_ = kMaxSearched;
    std::uint64_t bytes_read_ = 0;
};

}  // namespace

ImageFile find_image_file(const ostree::Repository& repository, const oci::Image& image,
                          const WantedFile& wanted) {
    return Search(repository, image, wanted).run();
}

}  // namespace osb::system
