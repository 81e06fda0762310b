#include "ostree/import/layer_objects.hh"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/saturating.hh"
#include "ostree/import/encapsulated_paths.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/tree/layer_path.hh"

namespace osb::ostree {
namespace {

bool is_xattrs(std::string_view suffix) {
    return suffix == "file-xattrs" || suffix == "file-xattrs-link" || suffix == "file.xattrs";
}

bool is_metadata(std::string_view suffix) {
    return suffix == "commit" || suffix == "commitmeta" || suffix == "dirtree" || suffix == "dirmeta";
}

[[noreturn]] void refuse(std::string_view why) {
    throw Error(ErrorKind::invalid, concat("the table of contents has ", why));
}

// Sorts the entries of a table by what they are.
class TableReader {
  public:
    TableReader(std::shared_ptr<const oci::Toc> table, bool holds_commit) : holds_commit_(holds_commit) {
        out_.table = std::move(table);
    }

    LayerObjects read() {
        for (const oci::TocEntry& entry : out_.table->entries) {
            with_context([&] { return concat("entry ", quoted(entry.tar.path)); }, [&] { take(entry); });
        }
        for (LayerObject& object : out_.objects) {
            if (object.name.suffix == "file") object.xattrs = xattrs_of(object.name.checksum);
        }
        if (holds_commit_ && commits_ != 1) refuse("not exactly one commit");
        return std::move(out_);
    }

  private:
    void take(const oci::TocEntry& entry) {
        const std::string path = normalize_path(entry.tar.path);
        if (path.starts_with(kImageXattrsV0)) {
            if (entry.tar.type == oci::TarType::directory) return;
            check_xattrs_entry(entry);
            shared_.insert_or_assign(std::string(last_part(path)), &entry);
            return;
        }
        if (!path.starts_with(kImageRepo)) return take_name(entry);
        if (!path.starts_with(kImageObjects) || entry.tar.type == oci::TarType::directory) return;
        ImageObjectName name = parse_object_path(path);
        if (is_xattrs(name.suffix)) return take_xattrs(entry, path, name);
        const bool is_file = name.suffix == "file";
        if (!is_file && !is_metadata(name.suffix)) refuse("an object of an unknown kind");
        if (!is_file && !holds_commit_) refuse("a metadata object in a layer other than the first");
        if (!is_file && entry.tar.size > kMaxMetadataSize) refuse("a metadata object beyond the limit");
        const bool is_link = is_file && entry.tar.type == oci::TarType::symlink;
        if (!is_link && entry.tar.type != oci::TarType::file) refuse("an object that is not a regular file");
        if (!seen_.insert(name.checksum + name.suffix).second) refuse("an object that appears twice");
        if (name.suffix == "commit") ++commits_;
        out_.objects.push_back({.name = std::move(name), .entry = &entry, .xattrs = nullptr});
    }

    void take_name(const oci::TocEntry& entry) {
        if (entry.tar.type != oci::TarType::hardlink) return;
        const std::string target = normalize_path(entry.tar.link_target);
        if (!target.starts_with(kImageObjects)) return;
        ImageObjectName object = parse_object_path(target);
        if (object.suffix == "file") out_.names.push_back({&entry, std::move(object.checksum)});
    }

    void take_xattrs(const oci::TocEntry& entry, const std::string& path, const ImageObjectName& name) {
        if (entry.tar.type == oci::TarType::hardlink) {
            links_[name.checksum] = std::string(last_part(entry.tar.link_target));
            return;
        }
        check_xattrs_entry(entry);
        if (name.suffix == "file-xattrs-link") {
            own_[name.checksum] = &entry;
        } else {
            shared_.insert_or_assign(std::string(last_part(path)), &entry);
        }
    }

    static void check_xattrs_entry(const oci::TocEntry& entry) {
        if (entry.tar.type != oci::TarType::file) refuse("attributes that are not a regular file");
        if (entry.tar.size > kMaxObjectXattrs) refuse("attributes beyond the limit");
    }

    const oci::TocEntry* xattrs_of(const std::string& checksum) const {
        if (const auto own = own_.find(checksum); own != own_.end()) return own->second;
        const auto link = links_.find(checksum);
        const auto shared = link == links_.end() ? shared_.end() : shared_.find(link->second);
        if (shared == shared_.end()) refuse("a file without its extended attributes");
        return shared->second;
    }

    bool holds_commit_;
    LayerObjects out_;
    std::map<std::string, const oci::TocEntry*, std::less<>>
        shared_;                                                    // by the name that links have as target
    std::map<std::string, const oci::TocEntry*, std::less<>> own_;  // by checksum
    std::map<std::string, std::string, std::less<>> links_;         // checksum -> name in shared_
    std::set<std::string> seen_;
    std::size_t commits_ = 0;
};

}  // namespace

LayerObjects find_layer_objects(std::shared_ptr<const oci::Toc> table, bool holds_commit) {
    return TableReader(std::move(table), holds_commit).read();
}

LayerPlan plan_layer(const LayerObjects& layer, const std::function<bool(const LayerObject&)>& is_wanted,
                     std::uint64_t max_gap) {
    LayerPlan out;
    std::vector<BlobPart> content;
    std::vector<BlobPart> xattrs;
    std::set<const oci::TocEntry*> xattrs_seen;
    for (std::size_t i = 0; i < layer.objects.size(); ++i) {
        const LayerObject& object = layer.objects[i];
        if (!is_wanted(object)) continue;
        out.wanted.push_back(i);
        out.unpacked = saturating_add(out.unpacked, object.entry->tar.size);
        if (!object.entry->chunks.empty()) content.push_back(part_of(*object.entry, i));
        const oci::TocEntry* const own = object.xattrs;
        if (own == nullptr || own->chunks.empty() || !xattrs_seen.insert(own).second) continue;
        xattrs.push_back(part_of(*own, i));
        out.attributes = saturating_add(out.attributes, own->tar.size);
        out.unpacked = saturating_add(out.unpacked, own->tar.size);
    }
    out.xattrs = merge_parts(std::move(xattrs), max_gap);
    out.content = merge_parts(std::move(content), max_gap);
    out.bytes = bytes_of(out.xattrs) + bytes_of(out.content);
    return out;
}

}  // namespace osb::ostree
