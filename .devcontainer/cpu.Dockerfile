# A small CPU image for laptops, CI and hosts without a GPU, with the contract of the GPU-Jupyter images: user jovyan
# (1000:100), work in /home/jovyan/work, tini and start.sh as entry point. Built by: deno task build --cpu
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE} AS system
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ca-certificates git python3 python3-venv sudo tini \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log

# In a stage of its own, since the wheels would otherwise stay in a layer of the image.
FROM system AS packages
ARG REQUIREMENTS=requirements-cpu.lock
RUN python3 -m venv /opt/venv
COPY ${REQUIREMENTS} .devcontainer/requirements.lock .devcontainer/install_packages.py tasks/inside/uv.txt \
  wheelhouse* /packages/
# cache: /var/cache/wheels is kept from one build to the next by `deno task build`, where the builder can.
RUN \
  /opt/venv/bin/python /packages/install_packages.py --wheels /packages \
    "/packages/${REQUIREMENTS##*/}" /packages/requirements.lock \
  && chmod -R g+rwX /opt/venv && find /opt/venv -type d -exec chmod g+s {} +

FROM system AS source
COPY . /source/
# What the tasks import goes with deno.json to a stage of its own; what of it isn't there is left out.
RUN mkdir /imports && cd /source \
  && { cp -R deno.* .devcontainer/cache_imports.sh wheelhouse/deno/npm /imports 2>/dev/null || true; } \
  && rm -rf wheelhouse gpu-wheelhouse && chmod -R g+rwX,a+rX .

FROM packages AS imports
ENV DENO_DIR=/opt/deno
COPY --from=source /imports /imports
RUN PATH=/opt/venv/bin:$PATH sh /imports/cache_imports.sh /imports

FROM system
RUN useradd --uid 1000 --gid 100 --create-home --shell /bin/bash jovyan \
  && chmod 2775 /home/jovyan \
  && chmod a+rx /usr/bin/tini
COPY --from=packages --chown=0:100 /opt/venv /opt/venv
COPY --from=imports --chown=0:100 /opt/deno /opt/deno
COPY .devcontainer/start.sh .devcontainer/start-notebook.py .devcontainer/healthcheck.py /usr/local/bin/
ENV PATH=/opt/venv/bin:$PATH \
  HOME=/home/jovyan \
  LANG=C.UTF-8 \
  SHELL=/bin/bash \
  JUPYTER_PORT=8888 \
  DENO_DIR=/opt/deno \
  DENO_NO_UPDATE_CHECK=1
COPY .devcontainer/experiment-task.sh /usr/local/bin/
# `docker run IMAGE reproduce` runs that task, and so for the others.
RUN for task in reproduce train infer notebook step verify report; do \
    ln -sf experiment-task.sh "/usr/local/bin/$task" || exit 1; done
COPY --from=source --chown=1000:100 /source /home/jovyan/work
ARG IMAGE_NAME=experiment:cpu
# The tasks read the name: inside this image, the image is the environment. Login shells, which JupyterLab's terminals
# are, set their own PATH; git asks about a mounted folder that is another user's.
RUN echo "${IMAGE_NAME}" > /etc/experiment-image \
  && ln -s start-notebook.py /usr/local/bin/start-notebook.sh \
  && deno completions bash --dynamic > /usr/local/share/deno.bash \
  && echo '. /usr/local/share/deno.bash' >> /etc/bash.bashrc \
  && echo 'PATH=/opt/venv/bin:$PATH' > /etc/profile.d/venv.sh \
  && printf '[safe]\n\tdirectory = /home/jovyan/work\n' >> /etc/gitconfig \
  && chmod 2775 /home/jovyan/work /opt/venv /opt/deno
USER 1000
WORKDIR /home/jovyan/work
EXPOSE 8888
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "/usr/local/bin/healthcheck.py"]
ENTRYPOINT ["tini", "-g", "--", "start.sh"]
CMD ["start-notebook.py"]
