// Relative, so that the page works behind a proxy that serves the hub under a path of its own.
window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "api/v1/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    docExpansion: "list",
    validatorUrl: null, // Nobody else is asked.
  });
});
