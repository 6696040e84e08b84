# Image with compiled kernels: the first query is as fast as the next.
#
#   docker build -t geosearch .
#   docker run -v "$PWD/demo/index:/index:ro" -p 8080:8080 geosearch
FROM python:3.12-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY indexes indexes
COPY geosearch geosearch
RUN /venv/bin/pip install --no-cache-dir -c constraints.txt .
# Machine code for any processor of the image's architecture: the one that serves may differ from
# the one that builds, and code for another would be compiled again at each start.
ENV GEOSEARCH_KERNEL_CACHE=/kernels NUMBA_CPU_NAME=generic
RUN /venv/bin/python -c 'from geosearch.search.warm import warm; warm(print)'

FROM python:3.12-slim
# A new volume at /index gets the owner of the folder.
RUN useradd --create-home --uid 10001 geosearch && mkdir /index && chown geosearch /index
COPY --from=build /venv /venv
COPY --from=build --chown=geosearch /kernels /kernels
ENV PATH=/venv/bin:$PATH GEOSEARCH_KERNEL_CACHE=/kernels NUMBA_CPU_NAME=generic \
    GEOSEARCH_HOST=0.0.0.0 GEOSEARCH_INDEX=/index
USER geosearch
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=2s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["geosearch"]
CMD ["serve"]
