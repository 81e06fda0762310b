#include "ostree/import/encapsulated_image.hh"

#include <algorithm>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {
namespace {

constexpr const char* kFinalDiffId = "ostree.final-diffid";

}  // namespace

std::string image_label(const oci::Image& image, const std::string& key) {
    for (const auto* texts : {&image.config.labels, &image.manifest.annotations}) {
        if (const auto found = texts->find(key); found != texts->end()) return found->second;
    }
    return {};
}

bool is_encapsulated(const oci::Image& image) {
    return !image_label(image, kFinalDiffId).empty();
}

std::size_t encapsulated_layers(const oci::Image& image) {
    const std::string final_diff_id = image_label(image, kFinalDiffId);
    if (final_diff_id.empty()) return 0;
    const auto is_final = [&](const oci::Digest& diff_id) { return diff_id.to_string() == final_diff_id; };
    const auto& diff_ids = image.config.diff_ids;
    const auto found = std::find_if(diff_ids.begin(), diff_ids.end(), is_final);
    if (found == diff_ids.end() || std::find_if(found + 1, diff_ids.end(), is_final) != diff_ids.end()) {
        throw Error(ErrorKind::invalid, concat("the label ostree.final-diffid names ", quoted(final_diff_id),
                                               ", which is not exactly one layer of the image"))
            .hint(
                "build without squashing the base's layers, or with an empty label to import all as an "
                "ordinary image");
    }
    return static_cast<std::size_t>(found - diff_ids.begin()) + 1;
}

std::string promised_commit(const oci::Image& image) {
    return image_label(image, "ostree.commit");
}

std::optional<CommitId> promised_whole_commit(const oci::Image& image) {
    const std::size_t layers = encapsulated_layers(image);
    if (layers == 0 || layers != image.manifest.layers.size()) return std::nullopt;
    return CommitId::try_parse(promised_commit(image));
}

void check_promised_commit(const oci::Image& image, const CommitId& commit) {
    const std::string promised = promised_commit(image);
    if (promised.empty() || commit == promised) return;
    throw Error(ErrorKind::digest_mismatch, concat("the image holds the commit ", commit,
                                                   ", but its label ostree.commit names ", quoted(promised)));
}

void check_required_commit(const std::optional<CommitId>& required, const CommitId& held) {
    if (!required || *required == held) return;
    throw Error(ErrorKind::untrusted, concat("the image now holds the commit ", held,
                                             "; the signatures were verified for ", *required));
}

}  // namespace osb::ostree
