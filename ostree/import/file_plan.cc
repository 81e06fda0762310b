#include "ostree/import/file_plan.hh"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/saturating.hh"
#include "ostree/import/layer_builder.hh"

namespace osb::ostree {
namespace {

void check_text(std::string_view text) {
    constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
    if (text.find(kReplacement) == std::string_view::npos) return;
    throw Error(ErrorKind::unsupported, "the table of contents may stand for a text that is not UTF-8");
}

void check_texts(const oci::TarEntry& entry) {
    check_text(entry.path);
    check_text(entry.link_target);
    for (const auto& [name, value] : entry.xattrs) check_text(name);
}

class FilePlanner {
  public:
    void add(const oci::TocEntry& entry) {
        check_texts(entry.tar);
        if (!has_content_object(entry.tar) || entry.tar.size == 0) return;
        // The parser ensures that a file with content has a digest.
        const auto [place, is_new] = index_.emplace(entry.digest.value(), out_.groups.size());
        if (is_new) out_.groups.push_back({.digest = *entry.digest, .size = entry.tar.size, .files = {}});
        FileGroup& group = out_.groups[place->second];
        if (group.size != entry.tar.size)
            throw Error(ErrorKind::invalid, "the table of contents has two sizes for one digest");
        group.files.push_back(&entry);
        out_.unpacked = saturating_add(out_.unpacked, entry.tar.size);
    }

    FilePlan finish(const std::function<bool(const Sha256&, std::uint64_t)>& is_known,
                    std::uint64_t max_gap) {
        std::vector<BlobPart> parts;
        for (std::size_t i = 0; i < out_.groups.size(); ++i) {
            FileGroup& group = out_.groups[i];
            group.is_missing = !is_known(group.digest, group.size);
            if (group.is_missing) parts.push_back(part_of(*group.files.front(), i));
        }
        out_.ranges = merge_parts(std::move(parts), max_gap);
        out_.bytes = bytes_of(out_.ranges);
        return std::move(out_);
    }

  private:
    FilePlan out_;
    std::map<Sha256, std::size_t> index_;  // in out_.groups
};

}  // namespace

FilePlan plan_files(const oci::Toc& table, const std::function<bool(const Sha256&, std::uint64_t)>& is_known,
                    std::uint64_t max_gap) {
    FilePlanner planner;
    for (const oci::TocEntry& entry : table.entries) {
        with_context([&] { return concat("entry ", quoted(entry.tar.path)); }, [&] { planner.add(entry); });
    }
    return planner.finish(is_known, max_gap);
}

}  // namespace osb::ostree
