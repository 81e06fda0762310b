#include "ostree/import/layer_builder.hh"

#include <sys/stat.h>

#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/objects/xattr_policy.hh"
#include "ostree/tree/layer_path.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kNamed = 3;  // dropped entries of each kind that a note names

void set_owner(LayerEntry& to, const oci::TarEntry& from) {
    to.mode = from.mode;
    to.uid = from.uid;
    to.gid = from.gid;
}

// AUFS, which defined whiteouts, linked all of a filesystem to one empty file.
bool links_to_whiteout(const oci::TarEntry& entry) {
    return entry.type == oci::TarType::hardlink &&
           classify(normalize_path(entry.link_target)).kind != NameKind::ordinary;
}

}  // namespace

FileMeta file_meta(const LayerEntry& entry, mode_t type, std::string_view xattrs) {
    return {.uid = entry.uid, .gid = entry.gid, .mode = type | entry.mode, .xattrs = xattrs};
}

bool has_content_object(const oci::TarEntry& entry) {
    if (entry.type != oci::TarType::file) return false;
    const std::string path = normalize_path(entry.path);
    const NameKind kind = classify(path).kind;
    return kind == NameKind::ordinary || (kind == NameKind::ignored && is_aufs_link(path));
}

void LayerBuilder::take(const oci::TarEntry& entry) {
    with_context([&entry] { return concat("entry ", quoted(entry.path)); },
                 [&] {
                     budget_.take_entries();
                     take_named(entry);
                 });
}

void LayerBuilder::finish(std::uint64_t rubbish) {
    if (rubbish > 0)
        layer_->notes().push_back(concat("bytes after the end of the archive ignored: ", rubbish));
    for (const auto& [kind, group] : dropped_) {
        layer_->notes().push_back(concat(kind, " dropped: ", group.count, " (", group.names,
                                         group.count > kNamed ? ", ...)" : ")"));
    }
}

void LayerBuilder::drop(const std::string& kind, std::string_view name) {
    Dropped& group = dropped_[kind];
    if (group.count++ >= kNamed) return;
    if (!group.names.empty()) group.names += ", ";
    group.names += escape(name, 100);
}

// The memory to which the entries refer is kept.
std::string_view LayerBuilder::keep(std::string_view text) {
    budget_.keep(text.size());
    return layer_->keep(text);
}

LayerEntry& LayerBuilder::add(EntryKind kind, std::string_view path) {
    budget_.keep(sizeof(LayerEntry));
    LayerEntry& entry = layer_->entries().emplace_back();
    entry.kind = kind;
    entry.path = keep(path);
    return entry;
}

void LayerBuilder::take_named(const oci::TarEntry& entry) {
    const std::string path = normalize_path(entry.path);
    if (path.empty() && entry.type != oci::TarType::directory) {
        throw Error(ErrorKind::invalid, "the root of the layer is not a directory");
    }
    const LayerName name = classify(path);
    switch (name.kind) {
        case NameKind::ordinary:
            return take_ordinary(entry, path);
        case NameKind::ignored:
            drop("names reserved by AUFS", path);
            if (has_content_object(entry)) take_file(entry, path);
            return;
        case NameKind::whiteout:
        case NameKind::opaque:
            break;
    }
    const bool is_empty_file = entry.type == oci::TarType::file && entry.size == 0;
    if (!is_empty_file && !links_to_whiteout(entry)) {
        throw Error(ErrorKind::invalid,
                    "a whiteout that is neither an empty regular file nor a hard link to one");
    }
    add(name.kind == NameKind::opaque ? EntryKind::opaque : EntryKind::whiteout, name.path);
}

void LayerBuilder::take_ordinary(const oci::TarEntry& entry, const std::string& path) {
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
            drop("devices, which ostree does not support,", path);
            break;
        case oci::TarType::fifo:
            drop("FIFOs, which ostree does not support,", path);
            break;
    }
    // A special file still hides the content of lower layers.
    add(EntryKind::special, path);
}

// The attributes of the entry that are kept.
XattrBytes LayerBuilder::xattrs_of(const oci::TarEntry& entry) {
    std::vector<std::string> dropped;
    XattrBytes xattrs = serialize_xattrs(select_xattrs(entry, dropped));
    for (const std::string& name : dropped) drop("extended attributes", concat(name, " of ", entry.path));
    return xattrs;
}

void LayerBuilder::take_file(const oci::TarEntry& entry, const std::string& path) {
    LayerEntry& out = add(EntryKind::file, path);
    set_owner(out, entry);
    take_content(entry, out, xattrs_of(entry));
}

void LayerBuilder::take_directory(const oci::TarEntry& entry, const std::string& path) {
    LayerEntry& out = add(EntryKind::directory, path);
    set_owner(out, entry);
    out.xattrs = keep(xattrs_of(entry));
}

void LayerBuilder::take_symlink(const oci::TarEntry& entry, const std::string& path) {
    check_link_target(entry.link_target);
    LayerEntry& out = add(EntryKind::symlink, path);
    set_owner(out, entry);
    out.mode = 0777;  // the mode of a link has no effect, and Linux shows no other
    out.target = keep(entry.link_target);
    out.checksum = writer_.write_file(file_meta(out, S_IFLNK, xattrs_of(entry)), out.target, {});
}

void LayerBuilder::take_hardlink(const oci::TarEntry& entry, const std::string& path) {
    const std::string target = with_context([] { return "the target of a hard link"; },
                                            [&] { return normalize_path(entry.link_target); });
    LayerEntry& out = add(EntryKind::hardlink, path);
    out.target = keep(target);
}

}  // namespace osb::ostree
