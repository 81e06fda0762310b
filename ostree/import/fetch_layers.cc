#include "ostree/import/fetch_layers.hh"

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/task_pool.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/known_layers.hh"
#include "ostree/import/layer_reading.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {
namespace {

class LayerFetch {
  public:
    LayerFetch(Repository& repository, const oci::Image& image, unsigned jobs, Progress& progress)
        : repository_(repository),
          image_(image),
          jobs_(jobs),
          progress_(progress),
          base_(encapsulated_layers(image)) {}

    std::uint64_t run(std::uint64_t batch_size) {
        const std::vector<std::size_t> missing = find_missing();
        std::uint64_t total = 0;
        for (const std::size_t index : missing) total += size_of(index);
        if (total <= batch_size) return 0;
        progress_.begin("reading layers", total);
        std::vector<std::size_t> batch;
        std::uint64_t bytes = 0;
        for (const std::size_t index : missing) {
            if (!batch.empty() && bytes + size_of(index) > batch_size) {
                fetch(std::exchange(batch, {}));
                bytes = 0;
            }
            batch.push_back(index);
            bytes += size_of(index);
        }
        fetch(batch);
        return total;
    }

  private:
    std::uint64_t size_of(std::size_t index) const { return image_.manifest.layers[index].size; }

    std::vector<std::size_t> find_missing() const {
        const std::vector<bool> present = present_layers(repository_, image_);
        std::vector<std::size_t> out;
        std::set<oci::Digest> seen;
        for (std::size_t i = 0; i < present.size(); ++i) {
            const bool is_first_of_base = base_ > 0 && i == 0;
            if (present[i] || is_first_of_base || !seen.insert(image_.config.diff_ids[i]).second) continue;
            out.push_back(i);
        }
        return out;
    }

    void fetch(const std::vector<std::size_t>& batch) {
        Transaction transaction(repository_);
        ObjectWriter writer(repository_);
        std::vector<std::shared_ptr<const Layer>> layers(batch.size());
        TaskPool pool(jobs_);
        const LayerContext context{writer, pool, progress_, budget_};
        for (std::size_t i = 0; i < batch.size(); ++i) {
            pool.add_producer([this, &context, &layer = layers[i], index = batch[i]] {
                layer = read_image_layer(image_, index, base_, context).content;
            });
        }
        pool.run();
        std::vector<GVariantPtr> commits;
        commits.reserve(layers.size());
        for (const auto& layer : layers) commits.push_back(make_layer_commit(writer, *layer));
        writer.publish();
        transaction.lock_refs();
        for (std::size_t i = 0; i < batch.size(); ++i) {
            save_layer(transaction, commits[i].get(), *layers[i]);
        }
        transaction.commit();
    }

    Repository& repository_;
    const oci::Image& image_;
    const unsigned jobs_;
    Progress& progress_;
    ImageBudget budget_;
    const std::size_t base_;
};

}  // namespace

std::uint64_t fetch_layers(Repository& repository, const oci::Image& image, unsigned jobs, Progress& progress,
                           std::uint64_t batch) {
    return LayerFetch(repository, image, jobs, progress).run(batch);
}

}  // namespace osb::ostree
