// Keeps the verified results of a partial fetch when the network fails, so that the next run does not fetch
// them again.
#pragma once

#include <memory>
#include <vector>

#include "base/error.hh"
#include "base/log.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// Publishes the writer's objects, and makes the layers known, all in `transaction`, which this commits.
void keep_layers(Transaction& transaction, ObjectWriter& writer,
                 const std::vector<std::shared_ptr<const Layer>>& layers);

// Runs fetch(). If the registry fails, runs keep() and throws the registry's error. Only objects whose
// checksum the image's tables name may be kept: parts of a layer that is read whole are not verified.
template<typename Fetch, typename Keep>
void fetch_and_keep(const Fetch& fetch, const Keep& keep) {
    try {
        fetch();
    } catch (const Error& failure) {
        if (failure.kind() != ErrorKind::unavailable) throw;
        try {
            keep();
        } catch (const Error& error) {
            // The registry's failure is what ends the run.
            log_debug(concat("what was fetched is not kept: ", error.message()));
        }
        throw;
    }
}

}  // namespace osb::ostree
