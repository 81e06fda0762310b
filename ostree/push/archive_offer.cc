#include "ostree/push/archive_offer.hh"

#include <algorithm>

#include "base/error.hh"
#include "ostree/objects/summary.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {
namespace {

constexpr std::string_view kArchiveConfig = "[core]\nrepo_version=1\nmode=archive-z2\n";

bool is_hex(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

OfferedFile text_file(std::string_view text) {
    OfferedFile out;
    out.bytes = text;
    return out;
}

std::optional<ObjectType> type_of(std::string_view suffix) {
    if (suffix == "filez") return ObjectType::file;
    if (suffix == "dirtree") return ObjectType::dirtree;
    if (suffix == "dirmeta") return ObjectType::dirmeta;
    return std::nullopt;
}

}  // namespace

ArchiveOffer::ArchiveOffer(const Repository& repository)
    : repository_(repository), stored_(repository), closure_(repository) {}

void ArchiveOffer::set(const RefName& ref, const CommitId& commit, bool probing) {
    commit_ = commit;
    commit_object_ = read_commit_object(repository_, commit);
    detached_ = read_detached_metadata(repository_, commit);
    ref_path_ = concat("refs/heads/", ref);
    summary_ = make_summary(ref, commit, commit_object_);
    probing_ = probing;
    if (probing) return;
    closure_.add(root_of(as_bytes(commit_object_)));
    ++commits_;
}

std::optional<OfferedFile> ArchiveOffer::find(std::string_view path) const {
    constexpr std::string_view kObjects = "objects/";
    if (path == "config") return text_file(kArchiveConfig);
    if (path == "summary") return text_file(summary_);
    if (path == ref_path_) return text_file(concat(*commit_, '\n'));
    if (path.starts_with(kObjects) && !probing_) return find_object(path.substr(kObjects.size()));
    return std::nullopt;
}

// Parses the name of an object, "ab/cdef....filez".
std::optional<OfferedFile> ArchiveOffer::find_object(std::string_view name) const {
    constexpr std::size_t kDot = 65;  // 2 digits, '/', 62 digits
    if (name.size() <= kDot || name[2] != '/' || name[kDot] != '.') return std::nullopt;
    const std::string checksum = concat(name.substr(0, 2), name.substr(3, kDot - 3));
    if (!is_hex(checksum)) return std::nullopt;
    const std::string_view suffix = name.substr(kDot + 1);
    OfferedFile out;
    if (suffix == "commit" || suffix == "commitmeta") {
        out.bytes = suffix == "commit" ? commit_object_ : detached_;
        out.is_object = suffix == "commit";
        if (commit_ != checksum || out.bytes.empty()) return std::nullopt;
        return out;
    }
    const std::optional<ObjectType> type = type_of(suffix);
    if (!type) return std::nullopt;
    const ObjectName object{parse_sha256(checksum), *type};
    if (!closure_.contains(object)) return std::nullopt;
    out.is_object = true;
    out.file = stored_.open(object);
    if (out.file) {
        out.size = file_size(out.file.get());
        return out;
    }
    if (*type != ObjectType::file)
        throw Error(ErrorKind::not_found, concat("the repository lacks the object ", checksum));
    out.content = open_object(repository_, object.checksum);
    const FileMeta meta{.uid = out.content.uid,
                        .gid = out.content.gid,
                        .mode = out.content.mode,
                        .xattrs = out.content.xattrs};
    out.bytes = archive_file_header(meta, out.content.target, out.content.size);
    return out;
}

}  // namespace osb::ostree
