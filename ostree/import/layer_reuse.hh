// The layers of an image that an import need not read, because the repository has their content, or because
// their missing objects or files are fetched one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/import/base_commit.hh"
#include "ostree/import/image_layers.hh"
#include "ostree/import/image_tables.hh"
#include "ostree/import/object_fetch.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

class Transaction;

// The result of the search for known layers.
struct ReusedLayers {
    ImageLayers layers;             // the reused ones have content
    std::optional<ImageBase> base;  // the commit inside the image, if the repository had all of it
    Encapsulated commit;            // the commit inside the image, if it was fetched by objects
    std::vector<std::shared_ptr<const Layer>> fetched;  // fetched by objects or files
    std::uint64_t bytes_read = 0;                       // of objects, files and tables of contents
    std::uint64_t layer_bytes = 0;  // of the layers that the repository did not have, as a whole
};

// The means of find_reused_layers(), all borrowed.
struct ReuseContext {
    const Repository& repository;
    const oci::Image& image;
    ImageTables& tables;
    Transaction& transaction;
    ObjectWriter& writer;
    ImageBudget& budget;
    Progress& progress;
    FetchWay way = FetchWay::automatic;
    unsigned threads = 0;
};

// Reuses a known layer if the repository has all of its objects. So an import repairs a damaged repository.
// Then fetches the missing objects of the other layers that hold the commit (the first `base_layers`), and
// the missing files of the other ordinary layers, if this transfers less than the layers (ObjectFetch,
// FileFetch), into the writer. If the registry fails meanwhile, the fetched objects and files are kept, and
// the transaction is over.
//
// Charges the reused layers to the budget. Throws Error with the layer as context: digest_mismatch as
// load_layer(); too_large; unavailable if the registry fails; and as ObjectFetch and FileFetch.
ReusedLayers find_reused_layers(const ReuseContext& context, std::size_t base_layers);

}  // namespace osb::ostree
