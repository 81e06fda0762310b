#include "registry/http/shared_multi.hh"

#include <new>

namespace osb::registry {

SharedMulti::SharedMulti() {
    initialise_curl();
    multi_.reset(curl_multi_init());
    if (!multi_) throw std::bad_alloc();
    check(curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX)));
}

void SharedMulti::perform() {
    int running = 0;
    check(curl_multi_perform(multi_.get(), &running));
}

std::vector<SharedMulti::Result> SharedMulti::take_results() {
    std::vector<Result> out;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg == CURLMSG_DONE) out.push_back({message->easy_handle, message->data.result});
    }
    return out;
}

}  // namespace osb::registry
