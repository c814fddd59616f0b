{
  "targets": [
    {
      "target_name": "sluice",
      "sources": [
        "native/accept_queue.cc",
        "native/accept_queue_wrap.cc",
        "native/addon.cc",
        "native/address.cc",
        "native/call_area.cc",
        "native/client_hello.cc",
        "native/connection.cc",
        "native/connection_forwarding.cc",
        "native/connection_opening.cc",
        "native/engine.cc",
        "native/engine_accepting.cc",
        "native/engine_wrap.cc",
        "native/flow.cc",
        "native/hello_body.cc",
        "native/listening_socket.cc",
        "native/listening_socket_wrap.cc",
        "native/loop_wrap.cc",
        "native/notify_socket.cc",
        "native/notify_socket_wrap.cc",
        "native/pipe_pool.cc",
        "native/policy_wrap.cc",
        "native/proxy_header.cc",
        "native/proxy_header_wrap.cc",
        "native/scan_wrap.cc",
        "native/shared_count.cc",
        "native/shared_memory.cc",
        "native/shared_memory_wrap.cc",
        "native/timers.cc"
      ],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
      "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS"],
      "cflags_cc": ["-std=c++17", "-O2", "-Wall", "-Wextra", "-fno-exceptions", "-fno-rtti"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"]
    }
  ]
}
