// What an upgrade learns of the image that it follows, from the process that asks the registry and fetches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ostree/import/fetch_plan.hh"
#include "ostree/objects/commit_id.hh"
#include "system/upgrade/fetched_image.hh"
#include "system/upgrade/release_order.hh"

namespace osb::system {

// The facts of UpgradeFacts that come from outside. Nothing if a stage was not reached.
struct ImageAnswer {
    std::string digest;  // of the manifest
    std::optional<Release> release;
    std::optional<ostree::CommitId> commit;
    bool is_same_system = false;
    std::optional<FetchedImage> fetched;  // it is complete in the repository
    // Of an image that was fetched now.
    std::uint64_t bytes_read = 0;
    std::optional<ostree::Transfer> transfer;
};

// The answer as text.
std::string to_text(const ImageAnswer& answer);
// The answer from text that may be hostile. Throws Error{invalid}.
ImageAnswer parse_image_answer(std::string_view text);

}  // namespace osb::system
