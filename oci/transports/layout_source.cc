#include "oci/transports/layout_source.hh"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "oci/documents/artifact.hh"
#include "oci/documents/document_json.hh"
#include "oci/documents/reference.hh"
#include "oci/documents/signature_tag.hh"
#include "oci/transports/blob_files.hh"
#include "oci/transports/image.hh"

namespace osb::oci {
namespace {

constexpr const char* kContainerdName = "io.containerd.image.name";

std::string annotation(const Descriptor& entry, const char* key) {
    const auto found = entry.annotations.find(key);
    return found == entry.annotations.end() ? std::string() : found->second;
}

bool has_ref_name(const Descriptor& entry, const std::string& tag) {
    return annotation(entry, kRefName) == tag;
}

// True if `tag` is the end of the name: for "docker.io/library/alpine:1.0" that is "1.0" or "alpine:1.0", not
// "0".
bool has_containerd_name(const Descriptor& entry, const std::string& tag) {
    const std::string name = annotation(entry, kContainerdName);
    if (!name.ends_with(tag)) return false;
    if (name.size() == tag.size()) return true;
    const char before = name[name.size() - tag.size() - 1];
    return before == ':' || before == '/';
}

std::string list_tags(const Index& index) {
    std::string out;
    for (std::size_t i = 0; i < index.manifests.size(); ++i) {
        if (i > 0) out += ", ";
        if (i == kMaxListed) return out + "...";
        const std::string tag = annotation(index.manifests[i], kRefName);
        out += tag.empty() ? "one without a tag" : quoted(tag);
    }
    return out;
}

// True for an entry that is about another one by its name or kind: signatures, or the index of referrers.
bool is_attached(const Descriptor& entry) {
    // `cosign save` writes no names.
    for (const char* const kind : {"sigs", "atts", "sboms"}) {
        if (annotation(entry, "kind") == concat("dev.cosignproject.cosign/", kind)) return true;
    }
    const std::string name = annotation(entry, kRefName);
    return is_signature_tag(name) || subject_of_referrers_tag(name);
}

// Removes entries with equal digests, because several tags may name one image, and what is attached to one.
std::vector<const Descriptor*> distinct_images(const Index& index) {
    std::vector<const Descriptor*> out;
    std::set<Digest> seen;
    for (const Descriptor& entry : index.manifests) {
        if (!is_attached(entry) && seen.insert(entry.digest).second) out.push_back(&entry);
    }
    return out;
}

bool platforms_differ(const std::vector<const Descriptor*>& entries) {
    std::vector<std::string> seen;
    for (const Descriptor* entry : entries) {
        if (!entry->platform) return false;
        seen.push_back(entry->platform->to_string());
    }
    std::sort(seen.begin(), seen.end());
    return std::adjacent_find(seen.begin(), seen.end()) == seen.end();
}

bool is_one_image(const std::vector<const Descriptor*>& entries) {
    return std::all_of(entries.begin(), entries.end(), [&entries](const Descriptor* entry) {
        return entry->digest == entries.front()->digest;
    });
}

// An index that has only these entries of the index `raw`.
Document partial_index(const std::string& raw, const Index& index,
                       const std::vector<const Descriptor*>& entries) {
    auto json = nlohmann::ordered_json::parse(raw);  // Index::parse() accepted it
    nlohmann::ordered_json kept = nlohmann::ordered_json::array();
    for (const Descriptor* entry : entries)
        kept.push_back(json["manifests"][static_cast<std::size_t>(entry - index.manifests.data())]);
    json["manifests"] = std::move(kept);
    return {.raw = json.dump(), .media_type = std::string(kMediaTypeIndex), .expected = std::nullopt};
}

constexpr const char* kLayoutIndex = "index.json";

Index parse_layout_index(std::string_view raw) {
    return with_context([] { return kLayoutIndex; }, [raw] { return Index::parse(raw, kMediaTypeIndex); });
}

class LayoutSource final : public ImageSource {
  public:
    LayoutSource(std::unique_ptr<LayoutFiles> files, std::string name, std::string tag)
        : files_(std::move(files)), name_(std::move(name)), tag_(std::move(tag)) {
        with_context([this] { return quoted(name_); }, [this] { check_marker(); });
    }

    Document root() override {
        return with_context([this] { return quoted(name_); }, [this] { return find_root(); });
    }

    std::unique_ptr<Source> open_blob(const Descriptor& descriptor) override {
        const Digest& digest = descriptor.digest;
        LayoutFiles::File file = files_->open(blob_path(digest));
        // The reader verifies the content anyway. This check only fails earlier, before the first gigabyte.
        if (file.size != descriptor.size) {
            throw Error(ErrorKind::digest_mismatch, concat("blob ", digest.to_string(), ": expected ",
                                                           descriptor.size, " bytes, got ", file.size));
        }
        return std::move(file.bytes);
    }

  private:
    std::string read_file(const std::string& path, std::size_t limit) {
        const LayoutFiles::File file = files_->open(path);
        return read_all(*file.bytes, limit, path);
    }

    void check_marker() {
        std::string text;
        try {
            text = read_file("oci-layout", kMaxMarker);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) throw;
            throw Error(ErrorKind::invalid, "not an image layout: no file 'oci-layout'");
        }
        const Json marker = parse_document(text, "oci-layout");
        const std::string& version = required_string(marker, "imageLayoutVersion", "oci-layout");
        if (!version.starts_with("1.")) {
            throw Error(ErrorKind::unsupported,
                        concat("oci-layout: version ", quoted(version), ", expected '1.0.0'"));
        }
    }

    Document find_root() {
        std::string raw = read_file(kLayoutIndex, kMaxDocument);
        const Index index = parse_layout_index(raw);
        if (index.manifests.empty())
            throw Error(ErrorKind::not_found, "the layout does not contain an image");
        if (!tag_.empty()) return find_tagged(raw, index);
        std::vector<const Descriptor*> images = distinct_images(index);
        if (images.size() > 1)
            std::erase_if(images, [this](const Descriptor* entry) { return is_referrer(*entry); });
        if (images.size() == 1) return document_of(*images.front());
        if (platforms_differ(images)) {
            return {
                .raw = std::move(raw), .media_type = std::string(kMediaTypeIndex), .expected = std::nullopt};
        }
        throw Error(ErrorKind::not_found,
                    concat("the layout holds ", images.size(), " images: ", list_tags(index)))
            .hint("name one of them by its tag, or by its position: :@0, :@1, ...");
    }

    // True for an artifact about another entry. One with a name or a platform counts as an image.
    bool is_referrer(const Descriptor& entry) {
        if (entry.platform || !annotation(entry, kRefName).empty()) return false;
        try {
            const Artifact artifact =
                Artifact::parse(read_document(*this, entry, "manifest"), entry.media_type);
            return artifact.subject && media_type_essence(artifact.type) != kMediaTypeConfig;
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::io) throw;
            return false;  // the reader of this image reports it
        }
    }

    Document document_of(const Descriptor& entry) {
        return {.raw = read_document(*this, entry, "manifest"),
                .media_type = entry.media_type,
                .expected = entry.digest};
    }

    Document find_tagged(const std::string& raw, const Index& index) {
        const std::vector<const Descriptor*> entries = entries_of_tag(index);
        if (is_one_image(entries)) return document_of(*entries.front());
        if (platforms_differ(entries)) return partial_index(raw, index, entries);
        throw Error(ErrorKind::invalid,
                    concat("tag ", quoted(tag_), " is ambiguous: ", entries[0]->digest.short_string(),
                           " and ", entries[1]->digest.short_string()))
            .hint("name one of them by its position in index.json: :@0, :@1, ...");
    }

    // At least one entry. Equal ones count once.
    std::vector<const Descriptor*> entries_of_tag(const Index& index) const {
        if (const auto position = source_index(tag_)) {
            if (*position < index.manifests.size()) return {&index.manifests[*position]};
            throw Error(ErrorKind::not_found,
                        concat("no image at the position ", quoted(tag_), ": ", kLayoutIndex, " has ",
                               index.manifests.size(), " entries"));
        }
        for (const auto matches : {has_ref_name, has_containerd_name}) {
            std::vector<const Descriptor*> out;
            for (const Descriptor& entry : index.manifests) {
                const auto same = [&entry](const Descriptor* other) {
                    return other->digest == entry.digest && other->platform == entry.platform;
                };
                if (matches(entry, tag_) && std::none_of(out.begin(), out.end(), same)) out.push_back(&entry);
            }
            if (!out.empty()) return out;
        }
        throw Error(ErrorKind::not_found,
                    concat("no image with the tag ", quoted(tag_), "; available: ", list_tags(index)));
    }

    std::unique_ptr<LayoutFiles> files_;
    std::string name_;
    std::string tag_;
};

// A file of the layout, which can skip to a range without reading what precedes it.
class OpenFile final : public Source {
  public:
    OpenFile(Fd file, std::uint64_t size, const std::string& path)
        : file_(std::move(file)), range_(file_.get(), 0, size, path) {}

    std::size_t read(MutableBytes buffer) override { return range_.read(buffer); }
    std::uint64_t skip(std::uint64_t count) override { return range_.skip(count); }

  private:
    Fd file_;
    FileRangeSource range_;
};

class DirectoryFiles final : public LayoutFiles {
  public:
    explicit DirectoryFiles(Fd directory) : directory_(std::move(directory)) {}

    File open(const std::string& path) const override {
        // Open each directory separately, because O_NOFOLLOW affects only the last component.
        Fd parent;
        std::size_t begin = 0;
        for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', begin)) {
            const int above = parent ? parent.get() : directory_.get();
            parent = open_at(above, path.substr(begin, slash - begin), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            begin = slash + 1;
        }
        Fd file = open_regular(parent ? parent.get() : directory_.get(), path.substr(begin));
        const std::uint64_t size = file_size(file.get());
        return {.bytes = std::make_unique<OpenFile>(std::move(file), size, path), .size = size};
    }

  private:
    Fd directory_;
};

Fd open_directory(const std::string& directory, std::string_view transport) {
    try {
        return open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
    } catch (Error& error) {
        if (error.kind() == ErrorKind::io) {
            error.hint(concat(transport,
                              ": requires a directory; use oci-archive: or docker-archive: for an archive"));
        }
        throw;
    }
}

}  // namespace

std::shared_ptr<ImageSource> open_layout_files(std::unique_ptr<LayoutFiles> files, const std::string& name,
                                               const std::string& tag) {
    return std::make_shared<LayoutSource>(std::move(files), name, tag);
}

Index read_layout_index(const std::string& directory) {
    return with_context([&] { return quoted(directory); },
                        [&] {
                            const DirectoryFiles files(open_directory(directory, "oci"));
                            const LayoutFiles::File file = files.open(kLayoutIndex);
                            return parse_layout_index(read_all(*file.bytes, kMaxDocument, kLayoutIndex));
                        });
}

std::unique_ptr<LayoutFiles> open_layout_directory(const std::string& directory) {
    return std::make_unique<DirectoryFiles>(open_directory(directory, "dir"));
}

std::shared_ptr<ImageSource> open_layout(const std::string& directory, const std::string& tag) {
    return open_layout_files(std::make_unique<DirectoryFiles>(open_directory(directory, "oci")), directory,
                             tag);
}

}  // namespace osb::oci
