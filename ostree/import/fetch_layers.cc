#include "ostree/import/fetch_layers.hh"

#include <memory>
#include <utility>
#include <vector>

#include "base/task_pool.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/fetch_plan.hh"
#include "ostree/import/file_fetch.hh"
#include "ostree/import/keep_fetched.hh"
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
          budget_(image.limits),
          base_(encapsulated_layers(image)) {}

    std::uint64_t run(ImageTables& tables, FetchWay way, std::uint64_t batch_size) {
        const std::vector<std::size_t> unread = unread_layers(repository_, image_, evidence_for(way));
        const UnreadLayers divided = divide_layers(image_, unread);
        ObjectFetch objects(repository_, image_, divided.of_base, tables, way, jobs_);
        FileFetch files(repository_, image_, divided.ordinary, tables, way, jobs_);
        const std::vector<std::size_t> whole = to_read(unread, objects, files);
        const std::uint64_t total = objects.bytes() + files.bytes() + size_of_layers(image_, whole);
        if (total <= batch_size) return 0;
        while (objects.bytes() > 0) fetch_objects(objects, batch_size);
        while (files.content_bytes() > 0) fetch_files(files, batch_size);
        return objects.bytes_fetched() + files.bytes_fetched() + read_in_batches(whole, batch_size);
    }

  private:
    std::uint64_t size_of(std::size_t index) const { return image_.manifest.layers[index].size; }

    std::vector<std::size_t> to_read(const std::vector<std::size_t>& unread, const ObjectFetch& objects,
                                     const FileFetch& files) const {
        std::vector<std::size_t> out;
        for (const std::size_t index : unread) {
            const bool is_first_of_base = base_ > 0 && index == 0;
            if (!is_first_of_base && !objects.covers(index) && !files.covers(index)) out.push_back(index);
        }
        return out;
    }

    // The objects of a batch stay in the repository without a ref, which the next prune would remove.
    void fetch_objects(ObjectFetch& objects, std::uint64_t batch_size) {
        Transaction transaction(repository_);
        ObjectWriter writer(repository_);
        const auto keep = [&] { keep_layers(transaction, writer, {}); };
        fetch_and_keep([&] { objects.run(writer, progress_, batch_size); }, keep);
        keep();
    }

    // The files of all batches so far get a commit and a ref, because their objects cannot be found without
    // their digests. The import that uses them removes the ref.
    void fetch_files(FileFetch& files, std::uint64_t batch_size) {
        Transaction transaction(repository_);
        ObjectWriter writer(repository_);
        const auto keep = [&] { keep_layers(transaction, writer, files.partial_layers(writer)); };
        fetch_and_keep([&] { files.run(writer, progress_, batch_size); }, keep);
        keep();
    }

    std::uint64_t read_in_batches(const std::vector<std::size_t>& layers, std::uint64_t batch_size) {
        if (layers.empty()) return 0;
        progress_.begin("reading layers", size_of_layers(image_, layers));
        std::vector<std::size_t> batch;
        std::uint64_t bytes = 0;
        for (const std::size_t index : layers) {
            if (!batch.empty() && bytes + size_of(index) > batch_size) {
                fetch(std::exchange(batch, {}));
                bytes = 0;
            }
            batch.push_back(index);
            bytes += size_of(index);
        }
        fetch(batch);
        return size_of_layers(image_, layers);
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
        keep_layers(transaction, writer, layers);
    }

    Repository& repository_;
    const oci::Image& image_;
    const unsigned jobs_;
    Progress& progress_;
    ImageBudget budget_;
    const std::size_t base_;
};

}  // namespace

std::uint64_t fetch_layers(Repository& repository, const oci::Image& image, ImageTables& tables, FetchWay way,
                           unsigned jobs, Progress& progress, std::uint64_t batch) {
    return LayerFetch(repository, image, jobs, progress).run(tables, way, batch);
}

}  // namespace osb::ostree
