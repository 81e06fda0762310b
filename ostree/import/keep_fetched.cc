#include "ostree/import/keep_fetched.hh"

#include "ostree/import/layer_store.hh"

namespace osb::ostree {

void keep_layers(Transaction& transaction, ObjectWriter& writer,
                 const std::vector<std::shared_ptr<const Layer>>& layers) {
    std::vector<GVariantPtr> commits;
    commits.reserve(layers.size());
    for (const auto& layer : layers) commits.push_back(make_layer_commit(writer, *layer));
    writer.publish();
    transaction.lock_refs();
    for (std::size_t i = 0; i < layers.size(); ++i) save_layer(transaction, commits[i].get(), *layers[i]);
    transaction.commit();
}

}  // namespace osb::ostree
