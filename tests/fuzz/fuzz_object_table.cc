// The objects of an encapsulated image's layer, or the files of an ordinary layer, from the JSON of its table
// of contents, and the ranges of the blob that a plan asks for. The first byte says which of them, whether
// the layer is the first of its image, and which objects are wanted.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/error.hh"
#include "ostree/import/file_plan.hh"
#include "ostree/import/layer_objects.hh"

namespace {

using namespace osb;  // NOLINT(google-build-using-namespace): one file, which is a program

constexpr std::uint64_t kPayloadEnd = 1U << 20U;

void require(bool holds) {
    if (!holds) std::abort();
}

std::uint64_t check_ranges(const std::vector<ostree::BlobRange>& ranges, std::size_t objects) {
    std::uint64_t bytes = 0;
    std::uint64_t end = 0;
    for (const ostree::BlobRange& range : ranges) {
        require(end <= range.begin && range.end <= kPayloadEnd && !range.parts.empty());
        require(range.parts.size() == 1 || range.end - range.begin <= ostree::kMaxRange);
        std::uint64_t at = range.begin;
        for (const ostree::BlobPart& part : range.parts) {
            require(at <= part.begin && part.begin < part.end && part.object < objects);
            at = part.end;
        }
        require(at == range.end);
        end = range.end;
        bytes += range.end - range.begin;
    }
    return bytes;
}

void check_plan(const ostree::LayerObjects& layer, bool wants_all) {
    std::size_t asked = 0;
    const auto is_wanted = [&](const ostree::LayerObject&) { return wants_all || asked++ % 2 == 0; };
    const ostree::LayerPlan plan = ostree::plan_layer(layer, is_wanted);
    require(plan.bytes == check_ranges(plan.xattrs, layer.objects.size()) +
                              check_ranges(plan.content, layer.objects.size()));
    require(plan.wanted.size() <= layer.objects.size() && plan.attributes <= plan.unpacked);
}

void check_objects(const ostree::LayerObjects& layer, bool holds_commit) {
    std::size_t commits = 0;
    for (const ostree::LayerObject& object : layer.objects) {
        const bool is_file = object.name.suffix == "file";
        require(is_file == (object.xattrs != nullptr));
        require(is_file || (holds_commit && object.entry->tar.size <= ostree::kMaxMetadataSize));
        require(!is_file || object.xattrs->tar.size <= ostree::kMaxObjectXattrs);
        if (object.name.suffix == "commit") ++commits;
    }
    require(commits == (holds_commit ? 1 : 0));
}

void check_files(const oci::Toc& table, bool wants_all) {
    std::size_t asked = 0;
    const auto is_known = [&](const Sha256&, std::uint64_t) { return !wants_all && asked++ % 2 == 0; };
    const ostree::FilePlan plan = ostree::plan_files(table, is_known);
    require(plan.bytes == check_ranges(plan.ranges, plan.groups.size()));
    std::uint64_t unpacked = 0;
    for (const ostree::FileGroup& group : plan.groups) {
        require(group.size > 0 && !group.files.empty());
        for (const oci::TocEntry* const file : group.files) {
            require(file->digest == group.digest && file->tar.size == group.size);
            unpacked += group.size;
        }
    }
    require(plan.unpacked == unpacked);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const bool holds_commit = (data[0] & 1U) != 0;
    try {
        auto table = std::make_shared<const oci::Toc>(
            oci::parse_toc(as_text(ByteView(data + 1, size - 1)), kPayloadEnd));
        if ((data[0] & 4U) != 0) {
            check_files(*table, (data[0] & 2U) != 0);
            return 0;
        }
        const ostree::LayerObjects layer = ostree::find_layer_objects(std::move(table), holds_commit);
        check_objects(layer, holds_commit);
        check_plan(layer, (data[0] & 2U) != 0);
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): refused input is what most of it is
    }
    return 0;
}
