#include "system/upgrade/image_packages.hh"

#include "ostree/tree/apk_database.hh"
#include "system/upgrade/image_file.hh"

namespace osb::system {
namespace {

// The information of one layer about the database.
struct Answer {
    enum class Kind { found, absent, removed, not_known } kind = Kind::absent;
    std::string text;  // found: the database; not_known: why

    static Answer found(std::string text) { return {Kind::found, std::move(text)}; }
    static Answer not_known(std::string reason) { return {Kind::not_known, std::move(reason)}; }
    static Answer removed() { return {Kind::removed, ""}; }
};

bool is_database(std::string_view path) {
    return std::find(std::begin(ostree::kApkDatabases), std::end(ostree::kApkDatabases), path) !=
           std::end(ostree::kApkDatabases);
}

// Strips the prefix of a path in an archive: "./lib/x", "/lib/x".
std::string_view without_prefix(std::string_view path) {
    if (path.starts_with("./")) path.remove_prefix(2);
    while (path.starts_with('/')) path.remove_prefix(1);
    return path;
}

// Returns true if the database is at `path`, or below that folder ("" for the root).
bool is_below(std::string_view path) {
    return std::any_of(std::begin(ostree::kApkDatabases), std::end(ostree::kApkDatabases),
                       [&](std::string_view database) {
                           return path.empty() || database == path || database.starts_with(concat(path, '/'));
                       });
}

// Returns true if a whiteout of that name hides the database.
bool hides_database(std::string_view path) {
    constexpr std::string_view kWhiteout = ".wh.";
    const std::size_t slash = path.rfind('/');
    const std::string_view folder = slash == std::string_view::npos ? "" : path.substr(0, slash);
    const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    if (name == ".wh..wh..opq") return is_below(folder);
    if (!name.starts_with(kWhiteout)) return false;
    const std::string_view hidden = name.substr(kWhiteout.size());
    return is_below(folder.empty() ? std::string(hidden) : concat(folder, '/', hidden));
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
    Search(const ostree::Repository& repository, const oci::Image& image)
        : repository_(repository), image_(image), known_(ostree::known_layers(repository, image)) {}

    ImagePackages run() {
        const std::size_t base = ostree::encapsulated_layers(image_);
        Answer answer;
        // The uppermost layer that contains the database counts.
        for (std::size_t i = known_.size(); i > base && answer.kind == Answer::Kind::absent; --i)
            answer = ask(i - 1, false);
        if (answer.kind == Answer::Kind::absent) answer = ask_base(base);
        ImagePackages out{.packages = std::nullopt, .reason = "", .bytes_read = bytes_read_};
        if (answer.kind == Answer::Kind::found) {
            out.packages = ostree::package_versions(answer.text);
        } else {
            out.reason =
                answer.kind == Answer::Kind::not_known ? answer.text : "the image has no apk database";
        }
        return out;
    }

  private:
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
            if (entry.kind == named_by && is_database(entry.path)) return read_known(entry, holds_objects);
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
        return Answer::found(read_all(*object.content, ostree::kMaxApkDatabase, "apk's database"));
    }

    Answer ask_table(const oci::Descriptor& layer, const oci::TocLocation& location) {
        const std::string bytes = read_range(layer, location.toc.offset, location.toc.size);
        const oci::Toc toc = oci::read_toc(as_bytes(bytes), location);
        std::map<std::string_view, const oci::TocEntry*> entries;
        for (const oci::TocEntry& entry : toc.entries) entries[without_prefix(entry.tar.path)] = &entry;
        for (const std::string_view name : ostree::kApkDatabases) {
            auto found = entries.find(name);
            if (found != entries.end() && found->second->tar.type == oci::TarType::hardlink)
                found = entries.find(without_prefix(found->second->tar.link_target));
            if (found != entries.end() && found->second->tar.type == oci::TarType::file)
                return Answer::found(read_entry(layer, *found->second));
        }
        const bool is_hidden = std::any_of(entries.begin(), entries.end(),
                                           [](const auto& entry) { return hides_database(entry.first); });
        return is_hidden ? Answer::removed() : Answer{};
    }

    std::string read_range(const oci::Descriptor& layer, std::uint64_t offset, std::uint64_t size) {
        std::string out = oci::read_range(*image_.source, layer, offset, size);
        bytes_read_ += size;
        return out;
    }

    std::string read_entry(const oci::Descriptor& layer, const oci::TocEntry& entry) {
        if (entry.tar.size > ostree::kMaxApkDatabase)
            throw Error(ErrorKind::too_large, "apk's database is too large");
        std::string out;
        for (const oci::TocChunk& chunk : entry.chunks) {
            if (chunk.zeros) {
                out.append(static_cast<std::size_t>(chunk.size), '\0');
                continue;
            }
            if (chunk.end_offset - chunk.offset > ostree::kMaxApkDatabase)
                throw Error(ErrorKind::too_large, "apk's database is too large");
            const std::string packed = read_range(layer, chunk.offset, chunk.end_offset - chunk.offset);
            MemorySource source(as_bytes(packed));
            out += read_all(*oci::decompress(source, oci::Compression::zstd),
                            static_cast<std::size_t>(chunk.size), "apk's database");
        }
        if (entry.digest && sha256(as_bytes(out)) != *entry.digest)
            throw Error(ErrorKind::digest_mismatch, "apk's database does not match the table of contents");
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
                "layers without a table of contents are only searched in their first 16 MiB");
        }
        bytes_read_ += before - left_;
        return out;
    }

    static Answer search_archive(Source& archive, bool holds_objects) {
        oci::TarReader tar(archive);
        oci::TarEntry entry;
        bool is_hidden = false;
        // In a layer of objects: the last object, if it may be the database. Its names come after it.
        std::string last_path;
        std::string last;
        while (tar.next(entry)) {
            const std::string_view path = without_prefix(entry.path);
            is_hidden = is_hidden || hides_database(path);
            if (holds_objects && entry.type == oci::TarType::hardlink && is_database(path) &&
                without_prefix(entry.link_target) == last_path) {
                return Answer::found(std::move(last));
            }
            if (entry.type != oci::TarType::file) continue;
            if (!holds_objects && is_database(path)) return Answer::found(read_content(tar, entry));
            if (!holds_objects || !path.ends_with(".file") || entry.size < 2) continue;
            last_path = path;
            last = read_database(tar, entry);
        }
        return is_hidden ? Answer::removed() : Answer{};
    }

    static std::string read_content(oci::TarReader& tar, const oci::TarEntry& entry) {
        if (entry.size > ostree::kMaxApkDatabase)
            throw Error(ErrorKind::too_large, "apk's database is too large");
        std::string out(static_cast<std::size_t>(entry.size), '\0');
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): char aliases
        MutableBytes rest(reinterpret_cast<std::uint8_t*>(out.data()), out.size());
        while (!rest.empty()) rest = rest.subspan(tar.read(rest));
        return out;
    }

    // Returns the content if it begins like the database, else "".
    static std::string read_database(oci::TarReader& tar, const oci::TarEntry& entry) {
        if (entry.size > ostree::kMaxApkDatabase) return "";
        std::uint8_t first[2];
        std::size_t have = 0;
        while (have < sizeof first) have += tar.read(MutableBytes(first).subspan(have));
        if (first[0] != 'C' || first[1] != ':') return "";
        oci::TarEntry rest = entry;
        rest.size -= sizeof first;
        return "C:" + read_content(tar, rest);
    }

    const ostree::Repository& repository_;
    const oci::Image& image_;
    std::vector<std::shared_ptr<const ostree::Layer>> known_;
    std::uint64_t left_ = kMaxSearched;
    std::uint64_t bytes_read_ = 0;
};

}  // namespace

ImagePackages find_packages(const ostree::Repository& repository, const oci::Image& image) {
    const WantedFile database{
        .names = kApkDatabases, .start = "C:", .limit = kMaxApkDatabase, .what = "apk database"};
    const ImageFile file = find_image_file(repository, image, database);
    ImagePackages out{.packages = std::nullopt, .reason = file.reason, .bytes_read = file.bytes_read};
    if (file.content) out.packages = ostree::package_versions(*file.content);
    return out;
}

}  // namespace osb::system
